"""A loss that went up and stayed there: where, and from what to what."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from analysis.curve import Curve, Point
from analysis.levels import (
    FEW,
    MEDIAN_ERROR,
    NORMAL_MEDIAN,
    finite,
    first_level,
    last_level,
    noise,
    share,
    smoothed,
    values_of,
)
from analysis.thresholds import Thresholds


@dataclass(frozen=True)
class Rise:
    """From `best` to `end`, `share` of the best, since `step`, which is `late` of all steps; first it was `start`."""

    step: int
    late: float
    start: float
    best: float
    end: float
    share: float


def lasting_rise(curve: Curve, thresholds: Thresholds) -> Rise | None:
    """Finds where the training loss rose for good; else where the evaluation did, suddenly, and the loss a little."""
    losses, evals = finite(curve.losses), finite(curve.evals)
    found = _rise(losses, smoothed(values_of(losses)), thresholds) if len(losses) >= FEW else None
    if found is None and len(evals) >= _EVALS and not _is_at_its_best(losses, thresholds):
        found = _rise(evals, values_of(evals), thresholds)
        found = found if found and _is_sudden(values_of(evals)) else None
        return found or _at_the_end(curve, evals, thresholds)
    return found


def _at_the_end(curve: Curve, evals: Sequence[Point], thresholds: Thresholds) -> Rise | None:
    """Finds a rise that only the last evaluation of a whole run shows: it is worse than the first, which no noise does.

    Nothing follows it, so that it lasts; in a run that goes on it may come back.
    """
    values = values_of(evals)
    best, end, step = min(values), values[-1], evals[-1][0]
    if curve.outcome != "complete" or share(end - values[0], values[0]) < thresholds.lasting_rise:
        return None
    return Rise(step, step / max(1, curve.steps or step), values[0], best, end, share(end - best, best))


def _is_at_its_best(losses: Sequence[Point], thresholds: Thresholds) -> bool:
    """True where the training loss ends near its best level: an evaluation that rises meanwhile overfits."""
    if len(losses) < FEW:
        return False
    values = values_of(losses)
    return share(last_level(values) - min(smoothed(values)), min(smoothed(values))) < _BEGUN * thresholds.lasting_rise


_BEGUN = 1 / 3  # of a lasting rise


_EVALS = 5
_LASTS = 2  # points at least, of those before as of those after: one is a stray
_BACK = 0.75  # of a rise, which an earlier one had reached


def _rise(points: Sequence[Point], smooth: Sequence[float], thresholds: Thresholds) -> Rise | None:
    values = values_of(points)
    start, end = first_level(values), last_level(values)
    best = min(*smooth, values[0])  # a blow-up may leave but the first value low
    rise = share(end - best, best)
    is_high = rise >= max(thresholds.lasting_rise, thresholds.rise_noise * noise(values))
    peak = max(smooth[smooth.index(min(smooth)) :])
    if not is_high or (end - best < thresholds.lost * (start - best) and peak < start):
        return None
    since = _since(values, smooth, best, end)
    if since is None or not _is_sure(values, max(1, since), noise(values)):
        return None
    return Rise(points[since][0], points[since][0] / max(1, points[-1][0]), start, best, end, rise)


def _since(values: Sequence[float], smooth: Sequence[float], best: float, end: float) -> int | None:
    """Returns the index from which on the curve is nearer to its end than to its best; None where it comes and goes."""
    middle = best + (end - best) / 2
    low = [at for at, value in enumerate(smooth) if value < middle]
    if len(low) < _LASTS:
        return next((at for at, value in enumerate(smooth) if value > middle), None) if values[0] < middle else None
    since = low[-1] + 1
    is_swing = max(smooth[low[0] : since]) > best + _BACK * (end - best)
    return None if is_swing or len(values) - since < _LASTS else since


def _is_sure(values: Sequence[float], since: int, sigma: float) -> bool:
    """True where the medians of both parts differ beyond doubt, were all values as noisy as those after the rise.

    A low first value, or a dip, is not: the best of many looks is low by chance.
    """
    before, after = values[:since], values[since:]
    low, high = statistics.median(before), statistics.median(after)
    spread = statistics.median(abs(value - high) for value in after) / NORMAL_MEDIAN
    error = MEDIAN_ERROR * max(spread, sigma * abs(high)) * math.hypot(len(before) ** -0.5, len(after) ** -0.5)
    return high - low >= _SURE * error


_SURE = 4.0  # standard errors: the place of the rise was chosen among many


def _is_sudden(values: Sequence[float]) -> bool:
    """True where one interval made half of the rise: a slow one may be overfitting."""
    steps = [after - before for before, after in itertools.pairwise(values)]
    return max(steps) >= (max(values[values.index(min(values)) :]) - min(values)) / 2
