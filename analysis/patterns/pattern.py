"""What is said of a sweep's parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Level:
    """A value of a parameter, or a range of values, and what the metric was there on average.

    Attributes:
        value: The value; for a range of sampled values a pair (low, high).
        words: As it is shown.
        count: Configurations that have it.
        mean: The marginal mean: as the additive model has it at this level, all others being equal.
        interval: Of `mean`, 95 %; None where nothing is left over to tell chance from effect.
        difference: To the best level of the parameter, 0 for that level, positive for worse.
        difference_interval: Of `difference`, 95 %.
        apart: True where it can be told from the best level, all pairs of levels considered (Tukey and Kramer); None
            where that cannot be said.
        trials: Trials asked for at this level, whatever became of them; seeds count each.
        pruned: Of those, the ones that were stopped for being worse.
        failed: Of those, the ones that failed, diverged, ran out of memory or were stopped by an alarm.
    """

    value: Any
    words: str
    count: int
    mean: float
    interval: tuple[float, float] | None = None
    difference: float = 0.0
    difference_interval: tuple[float, float] | None = None
    apart: bool | None = None
    trials: int = 0
    pruned: int = 0
    failed: int = 0


@dataclass(frozen=True)
class Effect:
    """A parameter and its levels, in their natural order.

    Attributes:
        key: Its dotted name.
        levels: What was tried.
        p: How often chance alone would make the levels differ as much; None where that cannot be said.
        p_adjusted: The same after Holm's correction for the number of parameters looked at.
        share: Of the variance of the metric, what the parameter explains beside the others; None as above.
        importance: As Optuna's evaluator has it (recorded by the sweeper); None where it was not recorded.
        separable: False where its levels come only together with those of others: its means are no effects, but plain
            averages.
        ranges: True where many sampled values were cut into ranges.
        told_with: Keys that follow from this one, and are told with it.
    """

    key: str
    levels: tuple[Level, ...]
    p: float | None = None
    p_adjusted: float | None = None
    share: float | None = None
    importance: float | None = None
    separable: bool = True
    ranges: bool = False
    told_with: tuple[str, ...] = ()

    @property
    def best(self) -> Level:
        """The level with the best mean."""
        return min(self.levels, key=lambda level: level.difference)

    @property
    def matters(self) -> bool:
        """True where chance is no explanation: `p_adjusted` below 0.05."""
        return self.p_adjusted is not None and self.p_adjusted < 0.05


@dataclass(frozen=True)
class Interaction:
    """Two parameters, the effect of one of which depends on the other; `means` by both values, None where not tried.

    `p` is corrected for the number of pairs (Holm); `rows` and `columns` are the levels' words.
    """

    one: str
    other: str
    p: float
    rows: tuple[Any, ...]
    columns: tuple[Any, ...]
    means: tuple[tuple[float | None, ...], ...]


@dataclass(frozen=True)
class Limit:
    """Something that cannot be said; `key` is the parameter it is about, empty for the whole sweep.

    `kind` is one word for programs: `confounded`, `single_level`, `seen_once`, `edge`, `few_points`, `infeasible`,
    `pruned`, `adaptive`, `no_seeds`, `untested`, `unequal_spread`.
    """

    kind: str
    key: str
    words: str


@dataclass(frozen=True)
class Patterns:
    """All of it: effects by importance, interactions by strength, limits."""

    effects: tuple[Effect, ...] = ()
    interactions: tuple[Interaction, ...] = ()
    limits: tuple[Limit, ...] = ()
    source: str = ""
    """How the intervals came about, in words."""
    notes: tuple[str, ...] = ()
    """Which parameters follow from others, in words."""
