"""Reads rows and turns each into a prompt and a completion."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from trainers import augmentation, sources
from trainers.minority import minority_of
from trainers.seam import TrialFailed
from trainers.sources import Row
from trainers.trial import Data

SPLIT_SEED = 0
"""Splits and subsets depend on the data alone, never on a trial's seed, so that trials see the same rows."""

SHAPES = "prompt and completion, or text and label, or text"

AUGMENTABLE = "the texts of rows with text and label"


@dataclass(frozen=True)
class Example:
    """A row as it is trained on: the loss is on the completion only. `label` indexes `Rows.labels`.

    `text` is a labelled row's own text, before the template made a prompt of it. `weight` is what its tokens count in
    the loss, 1 for an ordinary row. `messages` are the turns of a conversation, which the tokenizer's chat template
    renders: prompt and completion are then its plain text, the completion that of the last turn. `place` is where the
    row stands: a file and a line.
    """

    prompt: str
    completion: str
    label: int | None = None
    text: str = field(default="", compare=False, repr=False)
    weight: float = 1.0
    messages: tuple[Mapping[str, Any], ...] = field(default=(), compare=False)
    place: str = field(default="", compare=False, repr=False)


@dataclass(frozen=True)
class Account:
    """What became of the rows of the training source: read = left out + set aside + beyond + used.

    `left_out` counts rows that cannot be used, by reason; `places` names the first of them, with file and line.
    `set_aside` are validation rows; `beyond` those that `data.max_samples` leaves; `used` those that are trained on,
    before augmentation and `data.class_balance`, and `made` how many more or fewer these two make of them.
    """

    read: int = 0
    left_out: Mapping[str, int] = field(default_factory=dict)
    places: tuple[str, ...] = ()
    set_aside: int = 0
    beyond: int = 0
    used: int = 0
    made: int = 0


@dataclass(frozen=True)
class Rows:
    """The examples of a trial, and the closed set of answers of labelled data.

    `minority` indexes the label that the fewest training rows have, counted before `max_samples`, so that trials on
    more and on fewer rows are measured by the same one; None where there are no labels. `source` are the rows of the
    training source, before any was set aside or left out, and `account` says what became of them.
    """

    train: list[Example]
    validation: list[Example]
    labels: tuple[str, ...] = ()
    minority: int | None = None
    source: int = 0
    account: Account = field(default_factory=Account)


def load(data: Data) -> Rows:
    """Reads the training and validation rows.

    Args:
        data: Where they are and how a row becomes an example.

    Returns:
        The examples; without validation rows a seeded, stratified share of the training rows is set aside. Only
        training rows are augmented, after that and after `max_samples`.

    Raises:
        TrialFailed: The source is missing, empty, does not parse, has none of the known columns, or is to be augmented
            and has no labelled texts.
    """
    read, set_aside = sources.read(data)
    labels = _labels(data, read)
    train = _examples(data.path, read, data, labels)
    if set_aside is not None:
        validation = _examples(data.validation_path or data.path, set_aside, data, labels)
    else:
        train, validation = _split(train, data.validation_fraction, data.path)
    minority = minority_of(example.label for example in train)
    return Rows(_augmented(_subset(train, data.max_samples), data, labels), validation, labels, minority, len(read))


def load_test(data: Data, labels: Sequence[str]) -> list[Example]:
    """Reads the test rows: those of `data.test_path`, else of a split `test` where the training rows lie.

    Args:
        data: Where they are and how a row becomes an example.
        labels: The closed set of answers that the training rows have; empty for unlabelled data.

    Returns:
        The examples, none where there are no test rows.

    Raises:
        TrialFailed: They are missing, do not parse, have none of the known columns, or a label of their own.
    """
    return _examples(data.test_path or data.path, sources.read_test(data), data, tuple(labels))


def _labels(data: Data, rows: Sequence[Row]) -> tuple[str, ...]:
    if not {"text", "label"} <= set(rows[0]):
        return ()
    found = {str(row["label"]) for row in rows if row.get("label") not in (None, "")}
    return tuple(data.labels) if data.labels else tuple(sorted(found))


def _split(examples: list[Example], fraction: float, path: str) -> tuple[list[Example], list[Example]]:
    """Sets aside a share of every label's examples, at least one example in all."""
    if len(examples) < 2:
        raise TrialFailed(f"{path} has one row: too few to set some aside for validation")
    count = min(max(1, round(fraction * len(examples))), len(examples) - 1)
    chosen = _stratified(examples, count)
    rest = [example for index, example in enumerate(examples) if index not in chosen]
    return rest, [example for index, example in enumerate(examples) if index in chosen]


def _subset(examples: list[Example], max_samples: int | None) -> list[Example]:
    if max_samples is None or max_samples >= len(examples):
        return examples
    chosen = _stratified(examples, max_samples)
    return [example for index, example in enumerate(examples) if index in chosen]


def _augmented(examples: list[Example], data: Data, labels: Sequence[str]) -> list[Example]:
    """Puts behind every example its variants, where the data are to be augmented."""
    if data.augmentation == "none":
        return examples
    if any(example.label is None for example in examples):
        raise TrialFailed(f"data.augmentation={data.augmentation} varies {AUGMENTABLE}, and {data.path} holds others")
    return [row for example in examples for row in (example, *_variants(example, data, labels))]


def _variants(example: Example, data: Data, labels: Sequence[str]) -> Iterator[Example]:
    for number in range(1, data.augmentation_factor):
        text = augmentation.variant(example.text, number)
        yield dataclasses.replace(example, prompt=prompt_of(text, data, labels), text=text)


def _stratified(examples: Sequence[Example], count: int) -> set[int]:
    """Draws exactly `count` positions, of every label its share (largest remainders first)."""
    groups = _by_label(examples)
    shares = {label: count * len(members) / len(examples) for label, members in groups.items()}
    quota = {label: int(share) for label, share in shares.items()}
    for label in sorted(shares, key=lambda item: quota[item] - shares[item])[: count - sum(quota.values())]:
        quota[label] += 1
    for members in groups.values():
        random.Random(SPLIT_SEED).shuffle(members)
    return {index for label, members in groups.items() for index in members[: quota[label]]}


def _by_label(examples: Sequence[Example]) -> dict[int | None, list[int]]:
    members: dict[int | None, list[int]] = {}
    for index, example in enumerate(examples):
        members.setdefault(example.label, []).append(index)
    return members


def _examples(path: str, rows: Sequence[Row], data: Data, labels: tuple[str, ...]) -> list[Example]:
    return [_example(row, data, labels, f"{path}, row {number}") for number, row in enumerate(rows, start=1)]


def _example(row: Row, data: Data, labels: tuple[str, ...], place: str) -> Example:
    if labels:
        return _labelled(row, data, labels, place)
    if {"prompt", "completion"} <= set(row):
        return Example(_text(row, "prompt", place), _text(row, "completion", place))
    return Example("", _text(row, "text", place))


def _text(row: Row, column: str, place: str) -> str:
    """Returns a cell's text; numbers count as text, nothing does not."""
    if column not in row:
        raise TrialFailed(f"{place} has the columns {', '.join(sorted(row))}; looked for {SHAPES}")
    if row[column] is None or str(row[column]).strip() == "":
        raise TrialFailed(f"{place} has an empty {column}")
    return str(row[column])


def _labelled(row: Row, data: Data, labels: tuple[str, ...], place: str) -> Example:
    text, label = _text(row, "text", place), _text(row, "label", place)
    if label not in labels:
        raise TrialFailed(f"{place} has the label {label!r}; known are {', '.join(labels)}")
    return Example(prompt_of(text, data, labels), completion_of(label), labels.index(label), text)


def prompt_of(text: str, data: Data, labels: Sequence[str] = ()) -> str:
    """Returns a text as a prompt: the template around it, where there is one."""
    if not data.template:
        return text
    filled = data.template.replace("{instruction}", data.instruction or "").replace("{choices}", ", ".join(labels))
    return filled.replace("{text}", text)


def completion_of(label: str) -> str:
    """Returns a label as a completion: the space stands on this side, so that no token crosses the boundary."""
    return f" {label}"
