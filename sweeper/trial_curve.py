"""A trial of a sweep as the curve that diagnosis looks at."""

from __future__ import annotations

from collections.abc import Iterable

from analysis.curve import Curve, Points
from sweeper.decisions import Objective
from sweeper.history import Trial, Values

EVAL_LOSS = "eval_loss"


def curve_of(trial: Trial, objective: Objective | None = None) -> Curve:
    """Reads a trial's curve from its record.

    Args:
        trial: Its record so far.
        objective: What is compared where no `eval_loss` was measured, its sign turned so that less is better; None
            where only the loss will do.

    Returns:
        Every other metric of the evaluations is in `measured`.
    """
    measured = list(dict.fromkeys(name for _, values in trial.rungs for name in values))
    return Curve(
        losses=_of(trial.curve, "loss"),
        evals=_evals(trial, objective),
        learning_rates=_of(trial.curve, "learning_rate"),
        grad_norms=_of(trial.curve, "grad_norm"),
        measured={name: _of(trial.rungs, name) for name in measured if name != EVAL_LOSS},
        steps=trial.steps,
        outcome=trial.outcome or "unfinished",
    )


def _evals(trial: Trial, objective: Objective | None) -> Points:
    losses = _of(trial.rungs, EVAL_LOSS)
    if losses or objective is None:
        return losses
    return tuple((step, objective.sign * value) for step, value in _of(trial.rungs, objective.metric))


def _of(points: Iterable[tuple[int, Values]], name: str) -> Points:
    return tuple((step, values[name]) for step, values in points if name in values)
