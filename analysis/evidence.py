"""What every part of a report is made from."""

from __future__ import annotations

from dataclasses import dataclass

from analysis.patterns.pattern import Patterns
from analysis.ranking import Ranking
from analysis.recorded_sweep import RecordedSweep


@dataclass(frozen=True)
class Evidence:
    """A sweep, its ranking, and what its parameters do."""

    sweep: RecordedSweep
    ranking: Ranking
    patterns: Patterns
