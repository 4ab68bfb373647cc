"""A run that somebody else made, as far as it is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from analysis.curve import Points

REFERENCE = "reference"
"""The outcome of an untrained base model, which takes no place."""


@dataclass(frozen=True)
class ImportedRun:
    """A run and where it was found.

    Attributes:
        name: As its table or folder has it.
        source: The file, with the line where it is a table's.
        params: Under their dotted names, those that are known.
        points: Metrics over the run, under their names.
        stated: What is said of the whole run: `best_…`, `final_…`, and what it cost.
        outcome: How it ended, as the leaderboard calls it.
        reason: Why, where it did not complete.
        notes: What people wrote beside it.
        by_epoch: True where steps are not known: points are numbered from 1 in the order of their epochs, which stand
            beside them as the metric `epoch`.
    """

    name: str
    source: str
    params: Mapping[str, Any]
    points: Mapping[str, Points] = field(default_factory=dict)
    stated: Mapping[str, float] = field(default_factory=dict)
    outcome: str = "complete"
    reason: str = ""
    notes: str = ""
    by_epoch: bool = False
