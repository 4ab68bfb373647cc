"""Where a curve is, and how noisy: medians and differences of neighbours, which one stray point moves little.

A mean absolute deviation about a trend would need the trend; later differences cancel it.
"""

from __future__ import annotations

import math
import operator
import statistics
from collections.abc import Sequence

from analysis.curve import Point, Points

NORMAL_MEDIAN = 0.6745
"""A normal variable's median size, in units of its sigma."""

DIFFERENCES = ((1, -1), (1, -2, 1), (1, -3, 3, -1))
"""Weights of neighbours."""

MEDIAN_ERROR = 1.2533
"""Standard error of a median in units of a mean's, sqrt(pi / 2)."""

FEW = 6
"""Values up to which curvature and noise cannot be told apart: they are taken for exact."""

TINY = 1e-12


INFINITE = 1e100
"""From here on a value is taken for an infinity: MLflow keeps the largest float for one, and sums of such overflow."""


def is_finite(value: float) -> bool:
    """True for a number that can be reckoned with."""
    return abs(value) < INFINITE


def finite(points: Points) -> list[Point]:
    """Returns the points whose value is finite."""
    return [point for point in points if is_finite(point[1])]


def values_of(points: Sequence[Point]) -> list[float]:
    """Returns the values without their steps."""
    return [value for _, value in points]


def share(difference: float, level: float) -> float:
    """Returns a difference relative to the size of a level; levels may be negative, as scores taken for losses are."""
    return difference / max(abs(level), TINY)


def noise(values: Sequence[float]) -> float:
    """Estimates what a value differs by from its neighbours, relative to its size, as one sigma.

    Args:
        values: Finite ones in the order of their steps.

    Returns:
        The least of what first, second and third differences say: the later cancel straight and curved trends, the
        first are spoiled least by a single stray; 0 for fewer than `FEW` values.
    """
    if len(values) < FEW:
        return 0.0
    return min(_by_differences(values, weights) for weights in DIFFERENCES)


def _by_differences(values: Sequence[float], weights: Sequence[int]) -> float:
    """Returns the median size of the differences, each relative to its place's level, as the sigma of one value."""
    windows = [values[at : at + len(weights)] for at in range(len(values) - len(weights) + 1)]
    bends = [share(abs(math.fsum(map(operator.mul, weights, window))), statistics.median(window)) for window in windows]
    return statistics.median(bends) / (NORMAL_MEDIAN * math.hypot(*weights))


def smoothed(values: Sequence[float], window: int = 5) -> list[float]:
    """Returns the centred running median, whose window is cut at both ends."""
    half = window // 2
    return [statistics.median(values[max(0, at - half) : at + half + 1]) for at in range(len(values))]


def last_level(values: Sequence[float]) -> float:
    """Returns the median of the last tenth, of three values at least where there are six or more."""
    count = max(3 if len(values) >= FEW else 1, len(values) // 10)
    return statistics.median(values[-count:])


def first_level(values: Sequence[float]) -> float:
    """Returns the median of the first three values, the first where there are few: a loss falls fastest then."""
    return statistics.median(values[:3]) if len(values) >= FEW else values[0]
