"""Neither the training loss nor the evaluation improved by 1 %."""

from __future__ import annotations

from collections.abc import Mapping

from analysis.curve import Curve
from analysis.improvement import Improvement, bend, improvement, last_step, most_precise, used
from analysis.levels import finite, noise, share, values_of
from analysis.strength import strength
from analysis.thresholds import Thresholds
from analysis.verdict import Verdict
from analysis.verdicts.dead_gradient import dead_gradient


def no_meaningful_learning(curve: Curve, thresholds: Thresholds) -> Verdict | None:
    """Says that a run learned nothing: whatever of loss and evaluation is known improved by less than `meaningful`.

    Where noise could hide an improvement that is `material`, nothing is said; nor where evaluations alone are known
    that fall and flatten: they may be what is left of a run that learned before the first of them.
    """
    found = moved(curve, thresholds)
    if not found or used(curve) < thresholds.used or may_have_learned_before(curve, thresholds):
        return None
    surely = 0.0 if is_dead(curve, thresholds) else max(item.at_least(thresholds.likely) for item in found.values())
    precise = most_precise(found.values())
    learned = max(item.share for item in precise)
    hidden = max(item.at_most(thresholds.sure) for item in precise)
    if max(learned, surely) >= thresholds.meaningful or hidden >= thresholds.material:
        return None
    told = f"{in_words(found)}; under {100 * thresholds.meaningful:g} % is no meaningful learning"
    return Verdict("no_meaningful_learning", strength(thresholds.meaningful, max(learned, 0.0)), told)


def may_have_learned_before(curve: Curve, thresholds: Thresholds) -> bool:
    """True where the quieter of loss and evaluation falls and flattens, and no quiet loss was recorded from the start.

    What came before the first value may then be more than what came after it.
    """
    losses, evals = finite(curve.losses), finite(curve.evals)
    start = thresholds.early * max(curve.steps or 0, last_step(curve))
    if losses and losses[0][0] <= start and noise(values_of(losses)) <= thresholds.quiet:
        return False
    points = evals if len(evals) >= _SHAPE else losses
    found = improvement(tuple(points), thresholds.sure) if len(points) >= _SHAPE else None
    falls = found is not None and found.at_least(thresholds.sure) > thresholds.drift
    return falls and bend(values_of(points)) > thresholds.bend


_SHAPE = 3
"""Values from which on a curve has a shape."""


def is_dead(curve: Curve, thresholds: Thresholds) -> bool:
    """True where the gradient norm was 0 throughout: what the loss does is noise then."""
    found = dead_gradient(curve, thresholds)
    return found is not None and all(norm <= thresholds.dead_norm for _, norm in finite(curve.grad_norms))


def moved(curve: Curve, thresholds: Thresholds) -> dict[str, Improvement]:
    """Returns the improvement of the training loss and of the evaluation, each where there are two values.

    Evaluations that are all identical do not see the training: they count only where the training loss, too, shows no
    fall beyond doubt, or there is none.
    """
    found = {
        "the training loss": improvement(curve.losses, thresholds.sure),
        "the evaluation": improvement(curve.evals, thresholds.sure),
    }
    loss = found["the training loss"]
    falls = loss is not None and loss.at_least(thresholds.likely) >= thresholds.meaningful
    if falls and _is_blind(curve) and not is_dead(curve, thresholds):
        del found["the evaluation"]
    return {name: item for name, item in found.items() if item is not None}


def _is_blind(curve: Curve) -> bool:
    return len(curve.evals) >= _SHAPE and len({value for _, value in curve.evals}) == 1


def in_words(found: Mapping[str, Improvement]) -> str:
    """Returns `the training loss went from 2.7335 to 2.7150 (0.68 % better)` for each, with `and` between."""
    return " and ".join(f"{name} {_went(item)}" for name, item in found.items())


def _went(item: Improvement) -> str:
    single = share(item.first - item.last, item.first)
    told = f"went from {item.first:.4f} to {item.last:.4f} ({_percent(single)}"
    by_medians = "" if abs(single - item.share) < _SAME else f"; {_percent(item.share)} by medians of its ends"
    return f"{told}{by_medians})"


_SAME = 0.0005  # half of the last digit but one that is shown


def _percent(gained: float) -> str:
    return f"{100 * abs(gained):.2f} % {'better' if gained >= 0 else 'worse'}"
