"""What each parameter does, from a fitted model."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from analysis.patterns.factors import Factor
from analysis.patterns.fit import Fit
from analysis.patterns.holm import holm
from analysis.patterns.outcomes import Count
from analysis.patterns.pattern import Effect, Level
from analysis.patterns.split import Floats, Split
from analysis.patterns.tukey import apart


@dataclass(frozen=True)
class Reading:
    """How a model is read.

    Attributes:
        fitted: The model.
        sign: 1 where less is better, else -1.
        certain: False where no interval would be right, whatever the model says.
    """

    fitted: Fit
    sign: int
    certain: bool

    def half(self, row: Floats) -> float | None:
        """Returns half the width of a 95 % interval; None where none is stated."""
        return self.fitted.half(row) if self.certain else None


def effects(
    reading: Reading,
    factors: Sequence[Factor],
    separable: Sequence[bool],
    counts: Sequence[Sequence[Count]],
    importances: Mapping[str, float],
) -> tuple[Effect, ...]:
    """Returns an effect per factor, the strongest first.

    Args:
        reading: The model.
        factors: In the order of its splits.
        separable: Of each factor, whether its levels can be told from those of others.
        counts: Of each factor and level, what became of the trials.
        importances: As Optuna has them, by key.
    """
    found = [
        _effect(reading, at, factor, counts[at]) if separable[at] else _inseparable(reading, at, factor, counts[at])
        for at, factor in enumerate(factors)
    ]
    corrected = holm([effect.p for effect in found])
    found = [
        dataclasses.replace(effect, p_adjusted=p, importance=importances.get(effect.key))
        for effect, p in zip(found, corrected, strict=True)
    ]
    return tuple(sorted(found, key=_strength, reverse=True))


def _strength(effect: Effect) -> tuple[bool, float, float, float]:
    size = max(level.difference for level in effect.levels)
    return effect.separable, effect.importance or 0.0, effect.share or 0.0, size


def _effect(reading: Reading, at: int, factor: Factor, counts: Sequence[Count]) -> Effect:
    """Returns marginal means: every configuration as the model has it at a level, averaged."""
    fitted = reading.fitted
    split = fitted.design.splits[at]
    rows = np.array([fitted.design.rows({at: level}) for level in range(len(split.values))])
    squares, p = fitted.test(rows[1:] - rows[0])
    best = rows[int(np.argmin(reading.sign * (rows @ fitted.beta)))]
    levels = tuple(
        _level(reading, level, rows[number], best, len(rows)) for number, level in enumerate(_bare(split, counts))
    )
    return Effect(
        factor.key,
        levels,
        p=p if reading.certain else None,
        share=_share(fitted, squares),
        ranges=split.scaled is not None,
        told_with=factor.told_with,
    )


def _share(fitted: Fit, squares: float) -> float | None:
    """Returns what a factor explains beside the others, of the variance among configurations."""
    middle = float((fitted.values * fitted.weights).sum() / fitted.weights.sum())
    total = float((fitted.weights * (fitted.values - middle) ** 2).sum())
    return min(1.0, squares / total) if total > 0 and fitted.left_df > 0 else None


def _bare(split: Split, counts: Sequence[Count]) -> list[Level]:
    """Returns the levels without their means."""
    return [
        Level(value, words, int(own), math.nan, trials=count.trials, pruned=count.pruned, failed=count.failed)
        for value, words, own, count in zip(split.values, split.words, split.counts, counts, strict=True)
    ]


def _level(reading: Reading, level: Level, row: Floats, best: Floats, among: int) -> Level:
    fitted, between = reading.fitted, reading.sign * (row - best)
    mean, half = fitted.mean(row), reading.half(row)
    level = dataclasses.replace(level, mean=mean, interval=None if half is None else (mean - half, mean + half))
    if not between.any():
        return level
    difference, half = fitted.mean(between), reading.half(between)
    if half is None:
        return dataclasses.replace(level, difference=difference)
    return dataclasses.replace(
        level,
        difference=difference,
        difference_interval=(difference - half, difference + half),
        apart=apart(fitted.t(between), among, fitted.df),
    )


def _inseparable(reading: Reading, at: int, factor: Factor, counts: Sequence[Count]) -> Effect:
    """Returns averages as they are, where others change with the levels."""
    split, values = reading.fitted.design.splits[at], reading.fitted.values
    means = [float(values[split.at == level].mean()) for level in range(len(split.values))]
    best = min(reading.sign * mean for mean in means)
    levels = tuple(
        dataclasses.replace(level, mean=mean, difference=reading.sign * mean - best)
        for level, mean in zip(_bare(split, counts), means, strict=True)
    )
    return Effect(factor.key, levels, separable=False, ranges=split.scaled is not None, told_with=factor.told_with)
