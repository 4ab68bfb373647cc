"""What of an axis is shown: a diverged trial must not squash all others into a line."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from analysis.levels import is_finite

_FENCE = 3.0
"""Quartile distances beyond the worse quartile from which on a value is far out (Tukey 1977, the outer fence)."""


@dataclass(frozen=True)
class Window:
    """From the best to the worst value that is shown; `beyond` are how many lie outside."""

    best: float
    worst: float
    beyond: int = 0

    @property
    def limits(self) -> tuple[float, float]:
        """Of the axis, lower first, with a margin."""
        low, high = min(self.best, self.worst), max(self.best, self.worst)
        margin = 0.06 * (high - low) or 0.02 * abs(high) or 1.0
        return low - margin, high + margin

    def clipped(self, value: float) -> float:
        """Returns a value, or the worst that is shown where it lies beyond; NaN counts as beyond."""
        if not is_finite(value):
            return self.worst
        return min(value, self.worst) if self.worst >= self.best else max(value, self.worst)

    def holds(self, value: float) -> bool:
        """True for a value that is shown where it is."""
        return is_finite(value) and self.clipped(value) == value


def window(values: Iterable[float], sign: int) -> Window | None:
    """Returns what is shown of an axis: all values but those that are far worse than most.

    Args:
        values: Those of the axis; not finite ones lie beyond it.
        sign: 1 where less is better, else -1.

    Returns:
        The window; None where no value is finite.
    """
    found = list(values)
    finite = sorted(sign * value for value in found if is_finite(value))
    if not finite:
        return None
    lower, upper = np.percentile(finite, [25, 75]) if len(finite) > 3 else (finite[0], finite[-1])
    # Half the distance from best to worse quartile at least: equal values have no quartile distance.
    fence = upper + _FENCE * max(upper - lower, 0.5 * (upper - finite[0]))
    inside = [value for value in finite if value <= fence]
    worst = max(inside)
    return Window(sign * finite[0], sign * worst, len(found) - len(inside))
