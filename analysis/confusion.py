"""Which labels a trial takes for which, at its best rung: the tag of its run that says it, written and read."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

CONFUSION = "confusion"
"""The tag of a trial: JSON, of large label sets the worst found labels and the most frequent confusions alone."""

_LONGEST_LABEL = 200  # characters
_CELLS = (None, 400, 200, 100, 50, 20, 10)


@dataclass(frozen=True)
class ClassCount:
    """A label's rows, the rows that were taken for it, and those that are both; precision, recall and F1 from 0 to 1.

    They are scikit-learn's with zero_division=0.
    """

    label: str
    rows: int
    predicted: int
    right: int

    @property
    def precision(self) -> float:
        """The share of the rows taken for it that are."""
        return self.right / self.predicted if self.predicted else 0.0

    @property
    def recall(self) -> float:
        """The share of its rows that were taken for it."""
        return self.right / self.rows if self.rows else 0.0

    @property
    def f1(self) -> float:
        """The harmonic mean of both."""
        return 2 * self.right / (self.rows + self.predicted) if self.right else 0.0


@dataclass(frozen=True)
class Confusion:
    """A trial's labels at a rung.

    Attributes:
        step: The rung's.
        of: How many labels there are.
        rows: How many rows.
        classes: The labels in their order; of many, the worst found ones.
        cells: (true label, predicted one, rows) of mistakes, the most frequent first; of many, only these.
    """

    step: int
    of: int
    rows: int
    classes: tuple[ClassCount, ...]
    cells: tuple[tuple[str, str, int], ...]

    @property
    def is_whole(self) -> bool:
        """True where nothing was left out of the tag."""
        wrong = sum(rows for _, _, rows in self.cells)
        return len(self.classes) == self.of and wrong == self.rows - sum(found.right for found in self.classes)


def tag_of(step: int, labels: Sequence[str], counts: Sequence[Sequence[int]], longest: int) -> str:
    """Returns a rung's confusion matrix as a tag.

    Args:
        step: The rung's.
        labels: All labels.
        counts: (true label, predicted one, rows), indexes into `labels`.
        longest: Characters that the tag may have.
    """
    texts = (_text(step, labels, counts, most) for most in _CELLS)
    return next((text for text in texts if len(text) <= longest), "")


def _text(step: int, labels: Sequence[str], counts: Sequence[Sequence[int]], most: int | None) -> str:
    mistakes = sorted(
        ([true, found, rows] for true, found, rows in counts if true != found), key=lambda cell: (-cell[2], cell[:2])
    )
    cells, classes = mistakes[:most], _classes(len(labels), counts)
    if most is not None and len(classes) > most // 4:  # as few of them as of the cells: each label's name stands here
        classes = sorted(sorted(classes, key=_badness)[: most // 4])
    named = sorted({index for index, *_ in classes} | {index for true, found, _ in cells for index in (true, found)})
    kept = {
        "step": step,
        "of": len(labels),
        "rows": sum(rows for *_, rows in counts),
        "labels": {str(index): labels[index][:_LONGEST_LABEL] for index in named},
        "classes": classes,
        "cells": cells,
    }
    return json.dumps(kept, ensure_ascii=False, separators=(",", ":"))


def _classes(of: int, counts: Sequence[Sequence[int]]) -> list[list[int]]:
    """Returns (label, its rows, rows taken for it, both) of all labels."""
    members, taken, right = Counter[int](), Counter[int](), Counter[int]()
    for true, found, rows in counts:
        members[true] += rows
        taken[found] += rows
        right[true] += rows * (true == found)
    return [[index, members[index], taken[index], right[index]] for index in range(of)]


def _badness(found: Sequence[int]) -> tuple[float, int]:
    """Sorts labels that have rows and are found badly first."""
    _, rows, taken, right = found
    return (2 * right / (rows + taken) if rows else 2.0, -rows)


def read(tags: Mapping[str, str]) -> Confusion | None:
    """Reads the tag; None where there is none that can be read."""
    try:
        return _read(json.loads(tags[CONFUSION]))
    except (KeyError, ValueError, TypeError, AttributeError):
        return None


def _read(kept: Mapping[str, Any]) -> Confusion:
    names = {int(index): str(label) for index, label in kept["labels"].items()}
    return Confusion(
        step=int(kept["step"]),
        of=int(kept["of"]),
        rows=int(kept["rows"]),
        classes=tuple(ClassCount(names[index], rows, taken, right) for index, rows, taken, right in kept["classes"]),
        cells=tuple((names[true], names[found], int(rows)) for true, found, rows in kept["cells"]),
    )
