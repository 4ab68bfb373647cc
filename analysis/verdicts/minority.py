"""What holds the minority class's F1 back: recall or precision."""

from __future__ import annotations

from typing import Literal

from analysis.curve import Curve
from analysis.levels import finite
from analysis.strength import strength
from analysis.thresholds import Thresholds
from analysis.verdict import Verdict

Side = Literal["recall", "precision"]


def recall_limited(curve: Curve, thresholds: Thresholds) -> Verdict | None:
    """Says that the minority class's recall is under `limited` of its precision, at the best evaluation."""
    return _limited(curve, thresholds, "recall", "precision")


def precision_limited(curve: Curve, thresholds: Thresholds) -> Verdict | None:
    """Says that the minority class's precision is under `limited` of its recall, at the best evaluation."""
    return _limited(curve, thresholds, "precision", "recall")


def _limited(curve: Curve, thresholds: Thresholds, low: Side, high: Side) -> Verdict | None:
    lows = dict(finite(curve.measured.get(f"eval_minority_{low}", ())))
    highs = dict(finite(curve.measured.get(f"eval_minority_{high}", ())))
    step = _best_step(curve, lows.keys() & highs.keys())
    if step is None or lows[step] >= thresholds.limited * highs[step]:
        return None
    told = f"the minority class's {low} is {lows[step]:.2f} and its {high} {highs[step]:.2f} at step {step}"
    name: Literal["recall_limited", "precision_limited"] = "recall_limited" if low == "recall" else "precision_limited"
    return Verdict(name, strength(highs[step] * thresholds.limited, lows[step]), told, step)


def _best_step(curve: Curve, steps: set[int]) -> int | None:
    """Returns the step of the minority class's best F1, else of the best evaluation, else the last one."""
    scores = [(-value, step) for step, value in finite(curve.measured.get("eval_minority_f1", ())) if step in steps]
    losses = [(value, step) for step, value in finite(curve.evals) if step in steps]
    best = min(scores or losses or [(0.0, max(steps, default=0))])
    return best[1] if steps else None
