"""Single losses far above those before them, or gradient norms that vary wildly."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from analysis.curve import Curve, Point
from analysis.levels import finite, first_level, is_finite, noise, values_of
from analysis.strength import strength
from analysis.thresholds import Thresholds
from analysis.verdict import Verdict

BEFORE = 5
"""Points that a spike is compared with."""

_BACK = 3  # points within which a spike comes back, else it is a rise


def spiky(curve: Curve, thresholds: Thresholds) -> Verdict | None:
    """Says that the training loss has spikes, `spike` times the five before, or that the gradient norm is wild."""
    return _spiky_loss(finite(curve.losses), thresholds) or wild_gradient(curve, thresholds)


def _spiky_loss(losses: Sequence[Point], thresholds: Thresholds) -> Verdict | None:
    if len(losses) <= BEFORE:
        return None
    values = values_of(losses)
    sigma, scale = noise(values), thresholds.spike_scale * abs(first_level(values))
    times: dict[int, float] = {}
    for at in range(BEFORE, len(values)):
        base = statistics.median(values[at - BEFORE : at])
        bound = base + max((thresholds.spike - 1) * base, thresholds.spike_noise * sigma * base, scale)
        if base > 0 and values[at] > bound and _is_sudden(values, at, base) and _comes_back(values[at:], base):
            times[at] = values[at] / base
    if not times:
        return None
    worst = max(times, key=lambda at: times[at])
    told = (
        f"{len(times)} of {len(values)} losses are spikes, the highest {values[worst]:.4f} at step {losses[worst][0]}"
    )
    told += f", {times[worst]:.1f} times the five before it"
    return Verdict("spiky", strength(times[worst], thresholds.spike), told, losses[min(times)][0])


def _is_sudden(values: Sequence[float], at: int, base: float) -> bool:
    """True where at least half of the way up is made within two points: what climbs for longer is a swing."""
    return values[at] - min(values[at - 2 : at]) >= (values[at] - base) / 2


def _comes_back(values: Sequence[float], base: float) -> bool:
    """True where one of the next points is nearer to where it was; the last points have no time to."""
    after = values[1 : 1 + _BACK]
    return len(after) < _BACK or min(after) < (base + values[0]) / 2


def wild_gradient(curve: Curve, thresholds: Thresholds) -> Verdict | None:
    """Says that gradient norms are not finite, or `wild` times the run's median and that of those before."""
    norms = values_of(curve.grad_norms)
    good = [norm for norm in norms if is_finite(norm)]
    lost = len(norms) - len(good)
    if lost > thresholds.wild_share * len(norms):
        return Verdict("spiky", 1.0, f"{lost} of {len(norms)} gradient norms are not finite")
    middle, points = statistics.median(good) if good else 0.0, finite(curve.grad_norms)
    for at in range(3, len(points) if middle > 0 else 0):
        (step, norm), before = points[at], values_of(points[max(0, at - BEFORE) : at])
        around = max(middle, statistics.median(before))
        if norm > thresholds.wild * around:
            told = f"the gradient norm was {norm:.3g} at step {step}, {norm / around:.0f} times the usual {around:.3g}"
            return Verdict("spiky", strength(norm / around, thresholds.wild), told, step)
    return None
