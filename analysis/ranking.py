"""Places: which configuration is better than which, as far as that can be told."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from analysis.chance import Chance, chance
from analysis.configuration import Configuration, configurations
from analysis.noise import Known, Noise
from analysis.noise import noise as noise_of
from analysis.records import SweepRecords, TrialRow
from analysis.seed_table import seed_table

__all__ = ["Known", "Noise", "Place", "Ranking", "ranked", "takes_a_place"]

_LARGEST = 1e150  # squares of more are no numbers
_ROUNDING = 1e-9  # of a value: 0.003 apart are two numbers whose difference is 0.0030000000000001


@dataclass(frozen=True)
class Place:
    """A configuration and its place.

    Attributes:
        place: From 1; configurations that cannot be told from the first of their place share it: 1, 1, 3.
        configuration: With its trials.
        value: The mean of the metric over its trials.
        interval: Of that mean, 95 %; None where no seeds were repeated.
        tied_with: The names of all others from which it cannot be told, in the order of the ranking.
    """

    place: int
    configuration: Configuration
    value: float
    interval: tuple[float, float] | None = None
    tied_with: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ranking:
    """All configurations that take a place, the best first; `chance` is what their seeds tell, in the same order."""

    metric: str
    direction: str
    places: tuple[Place, ...]
    noise: Noise
    chance: Chance | None = field(default=None, compare=False, repr=False)

    @property
    def sign(self) -> int:
        """1 where less is better, else -1."""
        return 1 if self.direction == "minimize" else -1

    @property
    def winner(self) -> TrialRow | None:
        """The best trial of the first place's first configuration; None where no trial takes a place."""
        return self.best_first(self.places[0].configuration)[0] if self.places else None

    def best_first(self, configuration: Configuration) -> list[TrialRow]:
        """Returns a configuration's trials by their own values; equals keep the order of their numbers."""
        return sorted(configuration.trials, key=lambda trial: self.sign * trial.metrics[self.metric])

    def ahead(self, row: int) -> float:
        """Returns by how much the first is better than another, by its row; never negative."""
        return self.sign * (self.places[row].value - self.places[0].value) + 0.0  # which makes 0 of -0

    def ahead_within(self, row: int) -> tuple[float, float] | None:
        """Returns the interval of `ahead`; those of all pairs hold together 95 % of the time; None without seeds."""
        if self.chance is None:
            return None
        size = float(self.chance.critical(0)[row])
        return self.ahead(row) - size, self.ahead(row) + size


def takes_a_place(row: TrialRow, metric: str) -> bool:
    """True for what ran to its end, in full length, and measured a finite value.

    An infinity is a very large number in MLflow (`sqlalchemy_store.sanitize_metric_value`).
    """
    measured = abs(row.metrics.get(metric, math.nan)) < _LARGEST
    return row.outcome == "complete" and not row.is_reference and not row.short and measured


def ranked(records: SweepRecords, noise: float | None = None) -> Ranking:
    """Ranks a sweep's configurations by the mean, over their seeds, of the best value over each trial's curve.

    Args:
        records: The sweep.
        noise: The smallest difference that counts, in the metric's unit; None leaves it to the seeds, else to the
            sweep's own setting.

    Returns:
        Their places. Two are tied whose difference is within the noise, or, with seeds, within what chance does to any
        pair of so many (`analysis.chance`); equals keep the order of their first trials' numbers.
    """
    sign, metric = 1 if records.direction == "minimize" else -1, records.metric
    found = configurations(row for row in records.trials if takes_a_place(row, metric))
    means = {id(item): item.mean(metric) or 0.0 for item in found}
    found.sort(key=lambda item: (sign * means[id(item)], item.trials[0].number))
    values = np.array([means[id(item)] for item in found])
    told = chance(seed_table(found, metric))
    best = float(values[0]) if found else None
    said = noise_of(found, told, stated=noise, share=records.noise, best=best)
    tied = _tied(values, told, said)
    names = np.array([item.name for item in found], dtype=object)
    rows = [
        Place(place, item, float(values[row]), _interval(float(values[row]), told, row), tuple(names[tied[row]]))
        for row, (place, item) in enumerate(zip(_places(tied), found, strict=True))
    ]
    return Ranking(metric, records.direction, tuple(rows), said, told)


def _tied(values: np.ndarray[Any, Any], told: Chance | None, said: Noise) -> np.ndarray[Any, Any]:
    """Returns which rows cannot be told apart; no row is tied with itself."""
    size = said.size if said.known in {"stated", "assumed"} and said.size is not None else 0.0
    limit = size if told is None or not len(values) else np.maximum(told.critical(), size)
    apart = np.abs(values[:, None] - values[None, :])
    rounding = _ROUNDING * np.abs(values).max(initial=0.0)
    return np.asarray((apart <= limit + rounding) & ~np.eye(len(values), dtype=bool))


def _places(tied: np.ndarray[Any, Any]) -> Sequence[int]:
    """Returns each row's place: its own number, from 1, unless it is tied with the first of the place before."""
    places: list[int] = []
    for row in range(len(tied)):
        first = places[-1] if places else 1
        places.append(first if row and tied[first - 1, row] else row + 1)
    return places


def _interval(value: float, told: Chance | None, row: int) -> tuple[float, float] | None:
    if told is None:
        return None
    half = float(told.half_widths[row])
    return value - half, value + half
