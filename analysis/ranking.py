"""Places: which configuration is better than which, as far as that can be told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from analysis.configuration import Configuration

Known = Literal["seeds", "stated", "assumed", "unknown"]


@dataclass(frozen=True)
class Noise:
    """How far values lie apart by chance, and how that is known.

    Attributes:
        known: `seeds`: estimated from repeated seeds; `stated`: somebody said it (`--noise`); `assumed`: the sweep's
            setting `sweep.noise`; `unknown`: nobody says anything, so that nothing is tied and nothing is certain.
        size: The difference up to which two configurations of one trial each are tied, in the metric's unit; None where
            it is unknown.
        source: In words, for the report.
        sd: The standard deviation of one trial; None where there are no seeds.
        df: Its degrees of freedom.
    """

    known: Known
    size: float | None
    source: str
    sd: float | None = None
    df: float | None = None


@dataclass(frozen=True)
class Place:
    """A configuration and its place.

    Attributes:
        place: From 1; configurations that cannot be told from the first of their place share it: 1, 1, 3.
        configuration: With its trials.
        value: The mean of the metric over its trials.
        interval: Of that mean, 95 %; None where nothing is known of the noise.
        tied_with: The names of all others from which it cannot be told, in the order of the ranking.
    """

    place: int
    configuration: Configuration
    value: float
    interval: tuple[float, float] | None = None
    tied_with: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ranking:
    """All configurations that take a place, the best first."""

    metric: str
    direction: str
    places: tuple[Place, ...]
    noise: Noise

    @property
    def sign(self) -> int:
        """1 where less is better, else -1."""
        return 1 if self.direction == "minimize" else -1
