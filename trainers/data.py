"""Reads rows and turns each into a prompt and a completion."""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainers.bundled import data_path
from trainers.seam import TrialFailed
from trainers.trial import Data

Row = Mapping[str, Any]

SPLIT_SEED = 0
"""Splits and subsets depend on the data alone, never on a trial's seed, so that trials see the same rows."""

SHAPES = "prompt and completion, or text and label, or text"


@dataclass(frozen=True)
class Example:
    """A row as it is trained on: the loss is on the completion only. `label` indexes `Rows.labels`."""

    prompt: str
    completion: str
    label: int | None = None


@dataclass(frozen=True)
class Rows:
    """The examples of a trial, and the closed set of answers of labelled data."""

    train: list[Example]
    validation: list[Example]
    labels: tuple[str, ...] = ()


def load(data: Data) -> Rows:
    """Reads the training and validation rows.

    Args:
        data: Where they are and how a row becomes an example.

    Returns:
        The examples; without validation rows a seeded, stratified share of the training rows is set aside.

    Raises:
        TrialFailed: A file is missing, empty, does not parse, or has none of the known columns.
    """
    read_rows = read(data.path)
    labels = _labels(data, read_rows)
    train = _examples(data.path, read_rows, data, labels)
    if data.validation_path:
        validation = _examples(data.validation_path, read(data.validation_path), data, labels)
    else:
        train, validation = _split(train, data.validation_fraction)
    return Rows(_subset(train, data.max_samples), validation, labels)


def read(path: str) -> list[Row]:
    """Reads a JSONL or CSV file.

    Args:
        path: A file, or `bundled:` and a file of this package.

    Returns:
        A mapping per row.

    Raises:
        TrialFailed: The file is missing or empty, or a line does not parse.
    """
    file = data_path(path)
    if not file.is_file():
        raise TrialFailed(f"data file {path} does not exist")
    rows = _read_csv(file) if file.suffix == ".csv" else _read_jsonl(file)
    if not rows:
        raise TrialFailed(f"data file {path} has no rows")
    return rows


def _read_csv(file: Path) -> list[Row]:
    with file.open(newline="", encoding="utf-8-sig") as content:
        return list(csv.DictReader(content))


def _read_jsonl(file: Path) -> list[Row]:
    lines = file.read_text(encoding="utf-8").split("\n")
    return [_parsed(line, f"{file}:{number}") for number, line in enumerate(lines, start=1) if line.strip()]


def _parsed(line: str, place: str) -> Row:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise TrialFailed(f"{place} is not JSON: {error}") from None
    if not isinstance(row, dict):
        raise TrialFailed(f"{place} is not a JSON object")
    return row


def _labels(data: Data, rows: Sequence[Row]) -> tuple[str, ...]:
    if not {"text", "label"} <= set(rows[0]):
        return ()
    return tuple(data.labels) if data.labels else tuple(sorted({str(row["label"]) for row in rows}))


def _split(examples: list[Example], fraction: float) -> tuple[list[Example], list[Example]]:
    """Sets aside a share of every label's examples, at least one example in all."""
    chosen: set[int] = set()
    for members in _by_label(examples).values():
        random.Random(SPLIT_SEED).shuffle(members)
        chosen.update(members[: round(fraction * len(members))])
    chosen = chosen or {len(examples) - 1}
    rest = [example for index, example in enumerate(examples) if index not in chosen]
    return rest, [example for index, example in enumerate(examples) if index in chosen]


def _subset(examples: list[Example], max_samples: int | None) -> list[Example]:
    if max_samples is None or max_samples >= len(examples):
        return examples
    return _split(examples, max_samples / len(examples))[1][:max_samples]


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
        return Example(str(row["prompt"]), str(row["completion"]))
    if "text" in row:
        return Example("", str(row["text"]))
    raise TrialFailed(f"{place} has the columns {', '.join(sorted(row))}; looked for {SHAPES}")


def _labelled(row: Row, data: Data, labels: tuple[str, ...], place: str) -> Example:
    if not {"text", "label"} <= set(row):
        raise TrialFailed(f"{place} has the columns {', '.join(sorted(row))}; looked for text and label")
    text, label = str(row["text"]), str(row["label"])
    if label not in labels:
        raise TrialFailed(f"{place} has the label {label!r}; known are {', '.join(labels)}")
    prompt = data.template.replace("{text}", text) if data.template else text
    return Example(prompt, completion_of(label), labels.index(label))


def completion_of(label: str) -> str:
    """Returns a label as a completion: the space stands on this side, so that no token crosses the boundary."""
    return f" {label}"
