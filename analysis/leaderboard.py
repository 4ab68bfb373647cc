"""Ranks the configurations of a sweep, for people and programs."""

from __future__ import annotations

import dataclasses
import statistics
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from analysis.configuration import Configuration
from analysis.ranking import Noise, Place, Ranking, ranked, takes_a_place
from analysis.records import SweepRecords, TrialRow
from analysis.winners_test import WinnersTest, winners_test


@dataclass(frozen=True)
class Ranked:
    """A row: a configuration, or one trial, and its place; None for one that takes none.

    `interval` is that of the mean, 95 %, where seeds tell; `tied_with` names the configurations it cannot be told from.
    """

    place: int | None
    configuration: Configuration
    interval: tuple[float, float] | None = None
    tied_with: tuple[str, ...] = ()

    @property
    def trial(self) -> TrialRow:
        """Its first trial, whose name and parameters stand for all."""
        return self.configuration.trials[0]

    @property
    def metrics(self) -> dict[str, float]:
        """Each metric's mean over the trials that have it."""
        names = dict.fromkeys(key for trial in self.configuration.trials for key in trial.metrics)
        return {name: statistics.fmean(self.configuration.values(name)) for name in names}

    @property
    def verdicts(self) -> dict[str, int]:
        """What the curves show, and of how many trials."""
        return dict(Counter(name for trial in self.configuration.trials for name in trial.verdicts))

    @property
    def sweeps(self) -> str:
        """The sweeps that its trials are from; empty where that is one."""
        return ", ".join(dict.fromkeys(trial.sweep for trial in self.configuration.trials))

    @property
    def params(self) -> dict[str, Any]:
        """The first trial's."""
        return self.trial.params


@dataclass(frozen=True)
class Leaderboard:
    """The ranking: places first, then the references, then what did not complete; `outcomes` counts all trials."""

    sweep: str
    metric: str
    rows: list[Ranked]
    outcomes: dict[str, int]
    decisions: dict[str, str] = field(default_factory=dict)
    ranking: Ranking | None = None

    @property
    def noise(self) -> Noise | None:
        """How far values lie apart by chance."""
        return None if self.ranking is None else self.ranking.noise

    @property
    def winner(self) -> TrialRow | None:
        """The best trial of the first place; None where no trial takes one."""
        return None if self.ranking is None else self.ranking.winner

    @property
    def test(self) -> WinnersTest | None:
        """The best configuration that was measured on test rows; None where none was."""
        placed = [] if self.ranking is None else [place.configuration for place in self.ranking.places]
        left = [row.configuration for row in self.rows if row.place is None and not row.trial.is_reference]
        references = (row.trial for row in self.rows if row.trial.is_reference)
        return winners_test([*placed, *left], references, self.metric)

    @property
    def shown(self) -> list[Ranked]:
        """The rows of the table: those with a place, and the references."""
        return [row for row in self.rows if row.place is not None or _is_measured_reference(row.trial)]

    @property
    def unplaced(self) -> list[TrialRow]:
        """The trials that are not in the table."""
        return [row.trial for row in self.rows if row.place is None and not _is_measured_reference(row.trial)]

    @property
    def is_of_several(self) -> bool:
        """Whether the rows are those of several sweeps, and say which."""
        return any(row.trial.sweep for row in self.rows)

    @property
    def has_seeds(self) -> bool:
        """Whether some row stands for several trials."""
        return any(len(row.configuration.trials) > 1 for row in self.rows)

    @property
    def swept(self) -> list[str]:
        """The keys that were varied."""
        rows = [row for row in self.rows if not row.trial.short]  # what a short stage sets beside is no axis
        return list(dict.fromkeys(key for row in rows for trial in row.configuration.trials for key in trial.swept))

    @property
    def by_trial(self) -> Leaderboard:
        """The board with a row per trial, each with its configuration's place, a configuration's best trial first."""
        if self.ranking is None:
            return self
        placed = [
            Ranked(row.place, Configuration((trial,)), tied_with=row.tied_with)
            for row in self.rows
            if row.place is not None
            for trial in self.ranking.best_first(row.configuration)
        ]
        return dataclasses.replace(self, rows=[*placed, *(row for row in self.rows if row.place is None)])

    def top(self, count: int | None) -> Leaderboard:
        """Returns the board with only the first rows; references stay, and what failed, but not what was pruned."""
        if count is None:
            return self
        placed = [row for row in self.rows if row.place is not None][:count]
        others = [row for row in self.rows if row.place is None and row.trial.outcome != "pruned"]
        return dataclasses.replace(self, rows=[*placed, *others])


def _is_measured_reference(trial: TrialRow) -> bool:
    return trial.is_reference and trial.outcome == "complete"


def rank(records: SweepRecords, noise: float | None = None) -> Leaderboard:
    """Ranks configurations by the mean over their trials of the best value over each trial's curve.

    Args:
        records: The sweep.
        noise: The smallest difference that counts, in the metric's unit; None where nobody states one.

    Returns:
        The leaderboard. Only complete trials with a finite value take part, and none of a stage that is shorter than
        the run it stands for; configurations that cannot be told apart share a place (`analysis.ranking`).
    """
    ranking = ranked(records, noise)
    references = [row for row in records.trials if row.is_reference]
    others = [row for row in records.trials if not row.is_reference and not takes_a_place(row, records.metric)]
    rows = [_row(place) for place in ranking.places]
    rows += [Ranked(None, Configuration((row,))) for row in [*references, *others]]
    outcomes = Counter(row.outcome for row in records.trials if not row.is_reference)
    return Leaderboard(records.name, records.metric, rows, dict(outcomes), records.decisions, ranking)


def _row(place: Place) -> Ranked:
    return Ranked(place.place, place.configuration, place.interval, place.tied_with)
