"""Evaluations of a trial as a picture has them: over its steps, or over its epochs where only those are known."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from analysis.evidence import Evidence
from analysis.levels import finite
from analysis.records import TrialRow

XY = Sequence[tuple[float, float]]


def learning_curve(evidence: Evidence, trial: TrialRow) -> XY:
    """Returns what is finite of a trial's evaluations; costs a query, two where epochs stand for steps."""
    points = finite(evidence.sweep.evaluations(trial.trial))
    if not is_by_epoch(trial):
        return points
    epochs = dict(evidence.sweep.points(trial.trial, "epoch"))
    return [(epochs.get(step, float(step)), value) for step, value in points]


def is_by_epoch(trial: TrialRow) -> bool:
    """True for an imported trial of which epochs are known and no steps."""
    return "epoch" in trial.metrics and "best_step" not in trial.metrics


def axis_words(trials: Iterable[TrialRow]) -> str:
    """Returns what the axis of learning curves is called."""
    known = {is_by_epoch(trial) for trial in trials}
    return "epoch" if known == {True} else "optimizer step or epoch" if True in known else "optimizer step"
