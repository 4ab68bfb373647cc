"""What labelled data shows besides its loss: one label for all, and more confidence than accuracy."""

from __future__ import annotations

from analysis.curve import Curve, Point
from analysis.levels import finite
from analysis.strength import strength
from analysis.thresholds import Thresholds
from analysis.verdict import Verdict

_LAST = 2  # evaluations that agree: one may be a stray


def class_collapse(curve: Curve, thresholds: Thresholds) -> Verdict | None:
    """Says that nearly all rows are predicted as one label, though the labels are not that uneven.

    `eval_predicted_share` is at least `one_label` at the last two evaluations. Where nearly all rows have that label,
    a macro F1 of one half or more shows that the others are found; without it, an accuracy near the share does.
    """
    shares = _measured(curve, "eval_predicted_share")
    if len(shares) < _LAST or min(value for _, value in shares[-_LAST:]) < thresholds.one_label:
        return None
    if _is_skewed(curve, thresholds):
        return None
    since = next(step for step, value in shares if value >= thresholds.one_label)
    value = shares[-1][1]
    told = f"{100 * value:.0f} % of the rows are predicted as one label at the last {_LAST} evaluations"
    return Verdict("class_collapse", strength(value, thresholds.one_label), told, since)


def _is_skewed(curve: Curve, thresholds: Thresholds) -> bool:
    f1, accuracy = _measured(curve, "eval_macro_f1"), _measured(curve, "eval_accuracy")
    if f1:
        return f1[-1][1] >= thresholds.one_label_f1
    return bool(accuracy) and accuracy[-1][1] >= thresholds.one_label


def over_confident(curve: Curve, thresholds: Thresholds) -> Verdict | None:
    """Says that the mean confidence lies `confidence_gap` above the accuracy at the last evaluations."""
    confidence, accuracy = _measured(curve, "eval_confidence"), dict(_measured(curve, "eval_accuracy"))
    gaps = [(step, value - accuracy[step]) for step, value in confidence if step in accuracy]
    if len(gaps) < _LAST:
        return None
    gap = min(value for _, value in gaps[-_LAST:])
    if gap < thresholds.confidence_gap:
        return None
    step, sure = next((step, value) for step, value in reversed(confidence) if step in accuracy)
    told = f"a mean confidence of {sure:.2f} with an accuracy of {accuracy[step]:.2f} at step {step}"
    since = next(step for step, value in gaps if value >= thresholds.confidence_gap)
    return Verdict("over_confident", strength(gap, thresholds.confidence_gap), told, since)


def _measured(curve: Curve, name: str) -> list[Point]:
    return finite(curve.measured.get(name, ()))
