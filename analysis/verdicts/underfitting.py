"""Something was learned, but neither the training loss nor the evaluation went beyond a slow drift."""

from __future__ import annotations

from analysis.curve import Curve
from analysis.improvement import most_precise, used
from analysis.strength import strength
from analysis.thresholds import Thresholds
from analysis.verdict import Verdict
from analysis.verdicts.no_meaningful_learning import in_words, may_have_learned_before, moved


def underfitting(curve: Curve, thresholds: Thresholds) -> Verdict | None:
    """Says that a run underfits: "neither moves" (001), though its steps were used.

    The best improvement of loss and evaluation is at least `meaningful`, else it is `no_meaningful_learning`, but under
    `material`. A curve whose start was not recorded may have fallen before: there only a drift that goes on to the end
    is one, since one that has flattened may be what is left of a run that learned quickly.
    """
    found = moved(curve, thresholds)
    if not found or used(curve) < thresholds.used or may_have_learned_before(curve, thresholds):
        return None
    precise = most_precise(found.values())
    learned = max(item.share for item in precise)
    likely = max(item.at_least(thresholds.perhaps) for item in precise)
    perhaps = max(item.at_least(thresholds.perhaps) for item in found.values())
    hidden = max(item.at_most(thresholds.sure) for item in precise)
    if learned < thresholds.meaningful or likely < thresholds.meaningful / 2:
        return None
    if max(learned, perhaps) >= thresholds.material or hidden >= _DOUBT * thresholds.material:
        return None
    told = f"{in_words(found)}; under {100 * thresholds.material:.1f} % is a slow drift"
    return Verdict("underfitting", strength(thresholds.material, learned), told)


_DOUBT = 1.5
"""Times `material`, beyond which noise hides too much."""
