"""Something was not finite, or the loss blew up and stayed up."""

from __future__ import annotations

from analysis.curve import Curve
from analysis.lasting_rise import Rise, lasting_rise
from analysis.levels import is_finite, share
from analysis.strength import strength
from analysis.thresholds import Thresholds
from analysis.verdict import Verdict


def diverged(curve: Curve, thresholds: Thresholds) -> Verdict | None:
    """Says that a loss or an evaluation was NaN or infinite, that the run ended so, or that its loss blew up for good.

    A blow-up late in a run that had learned is a `late_collapse` instead.
    """
    found = _not_finite(curve)
    if found is not None:
        return found
    if curve.outcome == "diverged":
        return Verdict("diverged", 1.0, "the run ended because something was not finite")
    rise = lasting_rise(curve, thresholds)
    if rise is None or is_late(rise, thresholds):
        return None
    told = f"the loss rose from {rise.best:.4f} to {rise.end:.4f} at step {rise.step} and stayed there"
    return Verdict("diverged", strength(rise.share, thresholds.lasting_rise), told, rise.step)


def is_late(rise: Rise, thresholds: Thresholds) -> bool:
    """True where a rise came late, after something had been learned."""
    return rise.late >= thresholds.late and share(rise.start - rise.best, rise.start) >= thresholds.material


def _not_finite(curve: Curve) -> Verdict | None:
    for name, points in (("the training loss", curve.losses), ("the evaluation", curve.evals)):
        for step, value in points:
            if not is_finite(value):
                return Verdict("diverged", 1.0, f"{name} was {value:g} at step {step}", step)
    return None
