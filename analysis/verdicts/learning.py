"""The loss fell, and by more than noise does."""

from __future__ import annotations

from analysis.curve import Curve
from analysis.strength import strength
from analysis.thresholds import Thresholds
from analysis.verdict import Verdict
from analysis.verdicts.no_meaningful_learning import in_words, moved


def learning(curve: Curve, thresholds: Thresholds) -> Verdict | None:
    """Says that the training loss or the evaluation improved by `meaningful` or more, beyond doubt."""
    found = moved(curve, thresholds)
    learned = max((item.at_least(thresholds.sure) for item in found.values()), default=0.0)
    if learned < thresholds.meaningful:
        return None
    return Verdict("learning", strength(learned, thresholds.meaningful), in_words(found))
