"""A curve that still falls at its end: longer training would pay."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Sequence

from analysis.curve import Curve, Point
from analysis.improvement import last_step
from analysis.levels import FEW, MEDIAN_ERROR, finite, noise, share, values_of
from analysis.strength import strength
from analysis.thresholds import Thresholds
from analysis.verdict import Verdict


def still_improving(curve: Curve, thresholds: Thresholds) -> Verdict | None:
    """Says that the evaluation, else the training loss, still falls by `still_falling` over a quarter of the steps.

    The slope is the median of those between the points of the last third (Theil and Sen), of the last two where it has
    fewer than three.
    """
    evals, losses = finite(curve.evals), finite(curve.losses)
    name, points = ("the evaluation", evals) if len(evals) >= 3 else ("the training loss", losses)
    end = max(1, last_step(curve))
    last = [point for point in points if point[0] >= points[-1][0] - _PART * end] if points else []
    last = last if len(last) >= 3 else points[-2:]
    if len(points) < (3 if points is evals else FEW) or curve.outcome != "complete":
        return None
    level = statistics.median(values_of(points)[-3:])
    fall = -_slope(last) * end / 4
    error = noise(values_of(points)) * MEDIAN_ERROR * (12 / len(last)) ** 0.5 * _QUARTER * abs(level)
    if share(fall, level) < thresholds.still_falling or fall < thresholds.still_sure * error:
        return None
    told = f"{name} still falls, by {100 * share(fall, level):.1f} % in the last quarter of the steps,"
    told += f" to {points[-1][1]:.4f}"
    return Verdict("still_improving", strength(share(fall, level), thresholds.still_falling), told, last[0][0])


_PART = 1 / 3
_QUARTER = 0.75  # a quarter of the steps as a share of the third that the slope is from


def _slope(points: Sequence[Point]) -> float:
    chosen = points[:: max(1, len(points) // _SLOPES)]
    pairs = itertools.combinations(chosen, 2)
    slopes = [(after[1] - before[1]) / (after[0] - before[0]) for before, after in pairs if after[0] > before[0]]
    return statistics.median(slopes) if slopes else 0.0


_SLOPES = 60  # points at most: pairs grow with their square
