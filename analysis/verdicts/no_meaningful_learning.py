"""Neither the training loss nor the evaluation improved by 1 %."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.curve import Curve, Point
from analysis.improvement import Improvement, falls_steadily, improvement, last_step, most_precise, used
from analysis.levels import finite, noise, values_of
from analysis.strength import strength
from analysis.thresholds import Thresholds
from analysis.verdict import Verdict


def no_meaningful_learning(curve: Curve, thresholds: Thresholds) -> Verdict | None:
    """Says that a run learned nothing: whatever of loss and evaluation is known improved by less than `meaningful`.

    Where noise could hide an improvement that is `material`, nothing is said; nor where evaluations alone are known
    that fall and flatten: they may be what is left of a run that learned before the first of them.
    """
    found = moved(curve, thresholds)
    if not found or used(curve) < thresholds.used or may_have_learned_before(curve, thresholds):
        return None
    surely = max(item.at_least(thresholds.likely) for item in found.values())
    precise = most_precise(found.values())
    learned = max(item.share for item in precise)
    hidden = max(item.at_most(thresholds.sure) for item in precise)
    if max(learned, surely) >= thresholds.meaningful or hidden >= thresholds.material:
        return None
    told = f"{in_words(found)}; under {100 * thresholds.meaningful:g} % is no meaningful learning"
    return Verdict("no_meaningful_learning", strength(thresholds.meaningful, max(learned, 0.0)), told)


def may_have_learned_before(curve: Curve, thresholds: Thresholds) -> bool:
    """True where the loss or the evaluation falls and flattens, and no quiet training loss was recorded from the start.

    What came before the first value may then be more than what came after it.
    """
    losses, evals = finite(curve.losses), finite(curve.evals)
    start = thresholds.early * max(curve.steps or 0, last_step(curve))
    if losses and losses[0][0] <= start and noise(values_of(losses)) <= thresholds.quiet:
        return False
    return _flattens(losses, thresholds) or _flattens(evals, thresholds)


def _flattens(points: Sequence[Point], thresholds: Thresholds) -> bool:
    found = improvement(tuple(points), thresholds.sure) if len(points) >= _SHAPE else None
    falls = found is not None and found.at_least(thresholds.sure) > thresholds.drift
    return falls and not falls_steadily(points, thresholds.steady)


_SHAPE = 3
"""Values from which on a curve has a shape."""


def moved(curve: Curve, thresholds: Thresholds) -> dict[str, Improvement]:
    """Returns the improvement of the training loss and of the evaluation, each where there are two values."""
    found = {
        "the training loss": improvement(curve.losses, thresholds.sure),
        "the evaluation": improvement(curve.evals, thresholds.sure),
    }
    return {name: item for name, item in found.items() if item is not None}


def in_words(found: dict[str, Improvement]) -> str:
    """Returns `the training loss went from 2.7335 to 2.7150 (0.68 % better)` for each, with `and` between."""
    return " and ".join(f"{name} went from {item.start:.4f} to {item.end:.4f} ({_told(item)})" for name, item in found.items())


def _told(item: Improvement) -> str:
    return f"{100 * abs(item.share):.2f} % {'better' if item.share >= 0 else 'worse'}"
