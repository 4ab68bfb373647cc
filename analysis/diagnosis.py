"""Everything that a curve shows, most important first."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from analysis import verdicts
from analysis.curve import Curve
from analysis.thresholds import DEFAULTS, Thresholds
from analysis.verdict import Name, Verdict

Judge = Callable[[Curve, Thresholds], Verdict | None]

JUDGES: Mapping[Name, Judge] = {
    "diverged": verdicts.diverged,
    "dead_gradient": verdicts.dead_gradient,
    "late_collapse": verdicts.late_collapse,
    "stagnant_evaluation": verdicts.stagnant_evaluation,
    "no_meaningful_learning": verdicts.no_meaningful_learning,
    "lr_exhausted": verdicts.lr_exhausted,
    "class_collapse": verdicts.class_collapse,
    "underfitting": verdicts.underfitting,
    "overfitting": verdicts.overfitting,
    "oscillating": verdicts.oscillating,
    "spiky": verdicts.spiky,
    "over_confident": verdicts.over_confident,
    "learning": verdicts.learning,
    "still_improving": verdicts.still_improving,
    "recall_limited": verdicts.recall_limited,
    "precision_limited": verdicts.precision_limited,
}
"""In the order of importance: what makes a run worthless, what holds it back, what it could still gain."""

_OF_A_WHOLE_CURVE: frozenset[Name] = frozenset(
    ("no_meaningful_learning", "underfitting", "overfitting", "oscillating", "spiky", "learning", "still_improving")
)

_OF_LABELS: frozenset[Name] = frozenset(("over_confident", "recall_limited", "precision_limited"))

EXCLUDES: Mapping[Name, frozenset[Name]] = {
    "diverged": _OF_A_WHOLE_CURVE | _OF_LABELS | {"late_collapse"},
    "late_collapse": _OF_A_WHOLE_CURVE | _OF_LABELS,
    "dead_gradient": _OF_LABELS | {"underfitting", "overfitting", "learning", "still_improving"},
    "stagnant_evaluation": _OF_LABELS | {"underfitting", "overfitting", "still_improving"},
    "no_meaningful_learning": _OF_LABELS | {"underfitting", "overfitting", "learning", "still_improving"},
    "class_collapse": frozenset(("recall_limited", "precision_limited")),
    "underfitting": frozenset(("learning",)),
    "overfitting": frozenset(("underfitting", "learning", "still_improving")),
    "oscillating": frozenset(("no_meaningful_learning", "underfitting", "overfitting", "spiky", "still_improving")),
}
"""What is no news beside a graver verdict, or would contradict it: a collapse is no overfitting, and the ends of a
swing are no trend; how sure an untrained base is of its labels says nothing of a run that left it as it was; and where
every row has one label, no other is found better or worse. But a run may well have learned before its evaluation came
to rest, or while all rows got one label."""


def diagnose(curve: Curve, thresholds: Thresholds = DEFAULTS) -> list[Verdict]:
    """Says what a curve shows.

    Args:
        curve: Whatever is known of a run; missing parts are not judged.
        thresholds: From where on it shows something.

    Returns:
        The verdicts, most important first; a healthy curve has `learning` alone, or with `still_improving`. Empty where
        too little is known.
    """
    found = [verdict for verdict in (judge(curve, thresholds) for judge in JUDGES.values()) if verdict is not None]
    excluded = {name for verdict in found for name in EXCLUDES.get(verdict.name, frozenset())}
    return [verdict for verdict in found if verdict.name not in excluded]
