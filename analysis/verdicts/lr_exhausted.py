"""A learning rate that is effectively 0 while there are steps left."""

from __future__ import annotations

import itertools

from analysis.curve import Curve
from analysis.improvement import last_step
from analysis.levels import finite
from analysis.strength import strength
from analysis.thresholds import Thresholds
from analysis.verdict import Verdict


def lr_exhausted(curve: Curve, thresholds: Thresholds) -> Verdict | None:
    """Says which share of the steps passes, up to the end, under `lr_floor` of the recorded peak.

    A schedule that ends at 0 has some such steps: only more than `lr_left` are too many.
    """
    rates = finite(curve.learning_rates)
    if len(rates) < 3:
        return None
    peak, total = max(rate for _, rate in rates), max(curve.steps or 0, last_step(curve))
    low = list(itertools.takewhile(lambda point: point[1] < thresholds.lr_floor * peak or peak <= 0, reversed(rates)))
    left = (total - low[-1][0]) / total if low and total > 0 else 0.0
    if left <= thresholds.lr_left:
        return None
    told = f"under {thresholds.lr_floor:.0%} of its peak of {peak:.3g}".replace("%", " %") if peak > 0 else "0"
    told = f"from step {low[-1][0]} of {total} on the learning rate is {told}: for {100 * left:.0f} % of the steps"
    return Verdict("lr_exhausted", strength(left, thresholds.lr_left), told, low[-1][0])
