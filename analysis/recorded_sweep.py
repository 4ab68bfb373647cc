"""A sweep with everything a report is made of, read from MLflow or folded from a sweep's own log."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from analysis.curve import Curve, Points
from analysis.records import SweepRecords


@dataclass(frozen=True)
class RecordedSweep:
    """A sweep, whoever recorded it.

    Attributes:
        records: Its trials, references among them.
        tags: Those of its own run: what `analysis.records` names, whatever else MLflow keeps there.
        curve: Reads all of a trial's curve, by the trial's id (`TrialRow.trial`): some twenty queries.
        points: Reads one metric of a trial, by the trial's id and the metric's name: one query.
        started: When it began, Unix time in seconds; None where that is not known.
        ended: When its latest session ended.
    """

    records: SweepRecords
    tags: Mapping[str, str] = field(default_factory=dict)
    curve: Callable[[str], Curve] = lambda trial: Curve()
    points: Callable[[str, str], Points] = lambda trial, name: ()
    started: float | None = None
    ended: float | None = None

    def evaluations(self, trial: str) -> Points:
        """Reads a trial's evaluations of the sweep's metric, by its id: one query."""
        return self.points(trial, self.records.metric)
