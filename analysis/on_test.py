"""What a trial's run says of its test: which rows, and how they were labelled; the values are among its metrics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from analysis.json_tag import mapping

TEST = "test"
"""The tag of a trial that was measured on test rows: JSON of `OnTest`'s fields."""

PREFIX = "test_"
"""How the metrics begin that were measured on test rows."""


@dataclass(frozen=True)
class OnTest:
    """One trial's test.

    Attributes:
        rows: How many were measured.
        content: The fingerprint of the files they were read from: equal for all trials that were shown the same rows.
        source: Where they were read from.
        step: The step of the adapter that was measured, 0 for the untrained base.
        shared: How many of the rows are training or validation rows as well.
        left_out: How many more could not be used (`data.on_bad_rows=skip`).
        cut_off: How many more were there whose prompts leave no room for an answer.
        labels: The closed set of answers, empty for rows without labels.
        counts: The confusion matrix where it is not empty: (true label, predicted one, rows), indexes into `labels`.
    """

    rows: int
    content: str = ""
    source: str = ""
    step: int = 0
    shared: int = 0
    left_out: int = 0
    cut_off: int = 0
    labels: tuple[str, ...] = ()
    counts: tuple[tuple[int, int, int], ...] = ()


def on_test(tags: Mapping[str, str]) -> OnTest | None:
    """Returns what the tags of a trial's run say; None where it was not tested, or where they cannot be read."""
    found = mapping(tags, TEST)
    if not _count(found.get("rows")):
        return None
    labels = tuple(map(str, found["labels"])) if isinstance(found.get("labels"), list) else ()
    counts = _counts(found.get("counts"), len(labels))
    known = {key: found[key] for key in ("step", "shared", "left_out", "cut_off") if _count(found.get(key))}
    return OnTest(
        rows=found["rows"],
        content=str(found.get("content", "")),
        source=str(found.get("source", "")),
        labels=labels if counts else (),
        counts=counts,
        **known,
    )


def _counts(found: Any, labels: int) -> tuple[tuple[int, int, int], ...]:
    """Returns the confusion matrix; nothing where a cell is none."""
    if not isinstance(found, list):
        return ()
    cells = [tuple(cell) for cell in found if isinstance(cell, list) and len(cell) == 3]
    known = all(all(map(_is_count, cell)) and max(cell[:2]) < labels for cell in cells)
    return tuple(cells) if known and len(cells) == len(found) else ()


def _count(found: Any) -> bool:
    return _is_count(found) and found > 0


def _is_count(found: Any) -> bool:
    return isinstance(found, int) and not isinstance(found, bool) and found >= 0
