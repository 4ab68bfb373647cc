"""A run that was good, and late in it was not any more."""

from __future__ import annotations

from analysis.curve import Curve
from analysis.lasting_rise import lasting_rise
from analysis.strength import strength
from analysis.thresholds import Thresholds
from analysis.verdict import Verdict
from analysis.verdicts.diverged import is_late


def late_collapse(curve: Curve, thresholds: Thresholds) -> Verdict | None:
    """Says that the loss, after a material improvement, rose late, stayed up, and undid most of what was learned."""
    rise = lasting_rise(curve, thresholds)
    if rise is None or not is_late(rise, thresholds):
        return None
    told = f"the loss had come from {rise.start:.4f} to {rise.best:.4f}, and from step {rise.step} on is {rise.end:.4f}"
    return Verdict("late_collapse", strength(rise.share, thresholds.lasting_rise), told, rise.step)
