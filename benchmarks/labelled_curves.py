"""Curves of which is known what they show, and how well a diagnosis of them does: precision, recall, false alarms."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, get_args

from analysis.curve import Curve
from analysis.diagnosis import diagnose
from analysis.thresholds import DEFAULTS, Thresholds
from analysis.verdict import Name

NAMES: tuple[str, ...] = get_args(Name)

CALM = frozenset({"learning", "still_improving"})
"""What a healthy curve may show: anything else is an alarm."""


class Labelled(NamedTuple):
    """A curve; what must be said of it; what may be, and counts neither way; what it is an example of."""

    curve: Curve
    expected: Collection[str]
    allowed: Collection[str] = frozenset()
    family: str = ""


@dataclass(frozen=True)
class Counts:
    """How often a verdict was right, was said and should not have been, and was not said and should have been."""

    right: int
    wrong: int
    missed: int

    @property
    def precision(self) -> float:
        """Share of those said that are right; 1 where none was said."""
        return self.right / (self.right + self.wrong) if self.right + self.wrong else 1.0

    @property
    def recall(self) -> float:
        """Share of those that are there that were said; 1 where there are none."""
        return self.right / (self.right + self.missed) if self.right + self.missed else 1.0


@dataclass(frozen=True)
class Score:
    """What came out: counts by verdict, and how many `healthy` curves raised `alarms`."""

    counts: Mapping[str, Counts]
    healthy: int
    alarms: int
    curves: int

    @property
    def false_alarms(self) -> float:
        """Share of the healthy curves that raised an alarm."""
        return self.alarms / self.healthy if self.healthy else 0.0


Pair = tuple[Curve, Collection[str]]


def score(labelled: Iterable[Labelled | Pair], thresholds: Thresholds = DEFAULTS) -> Score:
    """Judges the diagnosis of curves.

    Args:
        labelled: (curve, what must be said), or `Labelled` where more than that may be said.
        thresholds: Those to judge.

    Returns:
        A curve counts for every verdict that is expected or said, except those it merely allows.
    """
    items = [Labelled(*item) for item in labelled]
    said = [{verdict.name for verdict in diagnose(item.curve, thresholds)} for item in items]
    healthy = [(item, found) for item, found in zip(items, said, strict=True) if set(item.expected) <= CALM]
    alarms = sum(bool(found - CALM - set(item.allowed)) for item, found in healthy)
    return Score({name: _counts(name, items, said) for name in NAMES}, len(healthy), alarms, len(items))


def _counts(name: str, items: Iterable[Labelled], said: Iterable[Collection[str]]) -> Counts:
    pairs = [
        (name in item.expected, name in found, name in item.allowed) for item, found in zip(items, said, strict=True)
    ]
    return Counts(
        right=sum(there and told for there, told, _ in pairs),
        wrong=sum(told and not there and not allowed for there, told, allowed in pairs),
        missed=sum(there and not told for there, told, _ in pairs),
    )
