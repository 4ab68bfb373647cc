"""The training loss keeps falling while the evaluation rises, or stalls."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Iterator, Sequence

from analysis.curve import Curve, Point
from analysis.improvement import improvement
from analysis.levels import finite, first_level, noise, share, values_of
from analysis.strength import strength
from analysis.thresholds import Thresholds
from analysis.verdict import Verdict


def overfitting(curve: Curve, thresholds: Thresholds) -> Verdict | None:
    """Says that a run overfits ("train keeps dropping, validation stops improving", 001), from its best evaluation on.

    It rises where its last evaluations lie `eval_rise` above the best and beyond their noise. It stalls where
    `stall_evals` over `stall_share` of the steps brought nothing, while the training loss fell by `stall_fall`.
    """
    evals, losses = finite(curve.evals), finite(curve.losses)
    if len(evals) < 2 or len(losses) < 2:
        return None
    return _rising(evals, losses, thresholds) or _stalled(evals, losses, thresholds)


def _rising(evals: Sequence[Point], losses: Sequence[Point], thresholds: Thresholds) -> Verdict | None:
    best_step, best = min(evals, key=lambda point: point[1])
    after = [value for step, value in evals if step > best_step]
    if not after:
        return None
    last = statistics.median(after[-min(3, len(after)) :]) if len(evals) > _MANY else after[-1]
    rise = share(last - best, best)
    wavers = [share(up, before) for before, up in _undone(evals, best_step)]
    bound = max(
        thresholds.eval_rise, thresholds.eval_rise_noise * noise(values_of(evals)), _MUCH * max(wavers, default=0)
    )
    falls = _fall(losses, best_step, thresholds.perhaps) > 0
    if rise <= bound or not (falls or (rise > _MUCH * bound and _seems_to_fall(losses, best_step, thresholds))):
        return None
    told = f"the evaluation rose from its best, {best:.4f} at step {best_step}, to {_last(evals, best)}"
    return Verdict("overfitting", strength(rise, bound), f"{told}, while {_gap(losses, evals, best_step)}", best_step)


_MUCH = 2  # times the bound: such a rise tells even where noise hides what the training loss does


def _seems_to_fall(losses: Sequence[Point], since: int, thresholds: Thresholds) -> bool:
    """True where a noisy training loss fell as a whole, and since a step did not surely rise."""
    whole = improvement(tuple(losses), thresholds.sure)
    is_falling = whole is not None and whole.at_least(thresholds.sure) > thresholds.meaningful
    return is_falling and noise(values_of(losses)) > thresholds.quiet and _fall(losses, since, -thresholds.perhaps) > 0


def _undone(evals: Sequence[Point], best_step: int) -> Iterator[tuple[float, float]]:
    """Yields (value, rise) of each evaluation before the best that was followed by a worse one: it came down again."""
    values = [value for step, value in evals if step <= best_step]
    return ((before, after - before) for before, after in itertools.pairwise(values) if after > before)


_MANY = 5  # evaluations from which on the last ones' median counts, not the last


def _stalled(evals: Sequence[Point], losses: Sequence[Point], thresholds: Thresholds) -> Verdict | None:
    best = min(values_of(evals))
    since = next(step for step, value in evals if share(value - best, best) <= thresholds.eval_rise)
    stalled = [step for step, _ in evals if step >= since]
    is_long = stalled[-1] - since >= thresholds.stall_share * max(evals[-1][0], losses[-1][0])
    fall = _fall(losses, since, thresholds.sure)
    is_material = fall * _level(losses, since) >= thresholds.stall_scale * first_level(values_of(losses))
    if len(stalled) < thresholds.stall_evals or not is_long or fall < thresholds.stall_fall or not is_material:
        return None
    if best == evals[0][1] and len(set(values_of(evals))) == 1:
        return None  # identical throughout: the evaluation does not see the training
    told = (
        f"since step {since} the evaluation has not improved ({best:.4f} at best), while {_gap(losses, evals, since)}"
    )
    return Verdict("overfitting", strength(fall, thresholds.stall_fall), told, since)


def _fall(losses: Sequence[Point], since: int, sure: float) -> float:
    """Returns what the training loss fell by, beyond doubt, from a step to the end, relative to its level then."""
    before, after = _around(losses, since)
    if not before or not after:
        return 0.0
    start, end = statistics.median(before), statistics.median(after)
    error = noise(values_of(losses)) * math.hypot(len(before) ** -0.5, len(after) ** -0.5)
    return share(start - end, start) - sure * error


def _level(losses: Sequence[Point], since: int) -> float:
    return statistics.median(_around(losses, since)[0] or [0.0])


def _around(losses: Sequence[Point], since: int) -> tuple[list[float], list[float]]:
    """Returns up to five losses at a step and the last half, five at least, of those after it."""
    before = [loss for step, loss in losses if step <= since][-5:]
    after = [loss for step, loss in losses if step > since]
    return before or after[:1], after[-max(5, len(after) // 2) :]


def _gap(losses: Sequence[Point], evals: Sequence[Point], since: int) -> str:
    before, after = _around(losses, since)
    start, end = statistics.median(before), statistics.median(after)
    return f"the training loss fell from {start:.4f} to {end:.4f}: a gap of {evals[-1][1] - end:.4f}"


def _last(evals: Sequence[Point], best: float) -> str:
    value = evals[-1][1]
    return f"{value:.4f} ({100 * share(value - best, best):.1f} %)"
