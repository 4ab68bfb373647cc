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

SHAPES = ({"prompt", "completion"}, {"text", "label"}, {"text"})


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
    train = read(data.path)
    validation = read(data.validation_path) if data.validation_path else None
    labels = _labels(data, train)
    if validation is None:
        train, validation = _split(train, data.validation_fraction)
    train = _subset(train, data.max_samples)
    return Rows(_examples(train, data, labels), _examples(validation, data, labels), labels)


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


def _split(rows: list[Row], fraction: float) -> tuple[list[Row], list[Row]]:
    """Sets aside a share of every label's rows, at least one row in all."""
    chosen: set[int] = set()
    for members in _by_label(rows).values():
        random.Random(SPLIT_SEED).shuffle(members)
        chosen.update(members[: round(fraction * len(members))])
    chosen = chosen or {len(rows) - 1}
    return (
        [row for index, row in enumerate(rows) if index not in chosen],
        [row for index, row in enumerate(rows) if index in chosen],
    )


def _subset(rows: list[Row], max_samples: int | None) -> list[Row]:
    if max_samples is None or max_samples >= len(rows):
        return rows
    return _split(rows, max_samples / len(rows))[1][:max_samples]


def _by_label(rows: Sequence[Row]) -> dict[str, list[int]]:
    members: dict[str, list[int]] = {}
    for index, row in enumerate(rows):
        members.setdefault(str(row.get("label", "")), []).append(index)
    return members


def _examples(rows: Sequence[Row], data: Data, labels: tuple[str, ...]) -> list[Example]:
    return [_example(row, data, labels, number) for number, row in enumerate(rows, start=1)]


def _example(row: Row, data: Data, labels: tuple[str, ...], number: int) -> Example:
    if labels:
        return _labelled(row, data, labels, number)
    if {"prompt", "completion"} <= set(row):
        return Example(str(row["prompt"]), str(row["completion"]))
    if "text" in row:
        return Example("", str(row["text"]))
    wanted = " or ".join("/".join(sorted(shape, reverse=True)) for shape in SHAPES)
    raise TrialFailed(f"row {number} has the columns {', '.join(sorted(row))}; looked for {wanted}")


def _labelled(row: Row, data: Data, labels: tuple[str, ...], number: int) -> Example:
    text, label = str(row.get("text", "")), str(row.get("label", ""))
    if label not in labels:
        raise TrialFailed(f"row {number} has the label {label!r}; known are {', '.join(labels)}")
    prompt = data.template.replace("{text}", text) if data.template else text
    return Example(prompt, completion_of(label), labels.index(label))


def completion_of(label: str) -> str:
    """Returns a label as a completion: the space stands on this side, so that no token crosses the boundary."""
    return f" {label}"
