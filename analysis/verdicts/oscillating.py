"""A loss that goes up and down again and again, by more than noise."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from analysis.curve import Curve, Point
from analysis.levels import FEW, MEDIAN_ERROR, finite, first_level, noise, smoothed, values_of
from analysis.strength import strength
from analysis.thresholds import Thresholds
from analysis.verdict import Verdict

WINDOW = 5
"""Points of the running median that takes noise out of a training loss; a twentieth of all where that is more."""


def oscillating(curve: Curve, thresholds: Thresholds) -> Verdict | None:
    """Says that evaluations, or the smoothed loss, rose `swings` times by a material height, with falls between.

    The rises are about alike: one that is many times higher than the others is a blow-up.
    """
    return _of_evals(finite(curve.evals), thresholds) or _of_losses(finite(curve.losses), thresholds)


def _of_evals(evals: Sequence[Point], thresholds: Thresholds) -> Verdict | None:
    if len(evals) < FEW:
        return None
    values = values_of(evals)
    height = max(thresholds.eval_swing * _middle(values), thresholds.swing_scale * abs(first_level(values)))
    return _verdict("the evaluation", evals, values, height, thresholds)


def _of_losses(losses: Sequence[Point], thresholds: Thresholds) -> Verdict | None:
    if len(losses) < 4 * WINDOW:
        return None
    values, window = values_of(losses), max(WINDOW, len(losses) // 20 | 1)
    middle, left = _middle(values), noise(values) * MEDIAN_ERROR / window**0.5
    shares = (thresholds.swing * middle, thresholds.swing_noise * left * middle)
    height = max(*shares, thresholds.swing_scale * abs(first_level(values)))
    return _verdict("the training loss", losses, smoothed(values, window), height, thresholds)


def _middle(values: Sequence[float]) -> float:
    return abs(statistics.median(values))


def _verdict(
    name: str, points: Sequence[Point], values: Sequence[float], height: float, thresholds: Thresholds
) -> Verdict | None:
    rises = _rises(values, height)
    largest = sorted((up for _, up in rises), reverse=True)[: thresholds.swings]
    if len(largest) < thresholds.swings or largest[0] > _ALIKE * largest[-1]:
        return None
    told = f"{name} rose {len(rises)} times by {min(up for _, up in rises):.4f} or more and fell again"
    return Verdict("oscillating", strength(len(rises), thresholds.swings), told, points[rises[0][0]][0])


_ALIKE = 6.0
"""How many times as high the highest of the largest rises may be as the lowest: one blow-up that comes back is none."""


def _rises(values: Sequence[float], height: float) -> list[tuple[int, float]]:
    """Returns (index of the low, height) of each rise of at least a height, separated by falls of as much."""
    rises: list[tuple[int, float]] = []
    low, high, is_up = 0, 0, False
    for at, value in enumerate(values):
        if is_up:
            high = at if value > values[high] else high
            if values[high] - value >= height:
                rises.append((low, values[high] - values[low]))
                is_up, low = False, at
        else:
            low = at if value < values[low] else low
            if height > 0 and value - values[low] >= height:
                is_up, high = True, at
    if is_up and rises:  # the last one is preceded by a fall
        rises.append((low, values[high] - values[low]))
    return rises
