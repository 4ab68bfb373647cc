"""Learning-rate schedules beyond transformers' own, and shares where transformers wants steps."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch

from trainers.trial import Training

RANGE_TEST = "range_test"
"""Rises exponentially from `lr_scheduler_kwargs.start` to `learning_rate` (Smith 2017's range test, on a log scale)."""

PLATEAU = "reduce_lr_on_plateau"
"""torch's ReduceLROnPlateau on our `eval_loss`: `patience` counts evaluations, and there is no warm-up.

transformers knows the name, but steps it in evaluations of its own alone, and those are off: a rung is ours.
"""

_START = 1e-6  # where a range test begins unless told otherwise
_DECAY_SHARE = "decay_share"


def library_arguments(training: Training) -> dict[str, Any]:
    """Returns the name and arguments that transformers accepts for a schedule; `own` and `in_steps` do the rest."""
    if training.lr_scheduler_type in (RANGE_TEST, PLATEAU):
        return {"lr_scheduler_type": "constant", "lr_scheduler_kwargs": {}}
    known = {key: value for key, value in training.lr_scheduler_kwargs.items() if key != _DECAY_SHARE}
    return {"lr_scheduler_type": training.lr_scheduler_type, "lr_scheduler_kwargs": known}


def in_steps(training: Training, steps: int) -> dict[str, Any]:
    """Returns the arguments that follow from a run's length: `decay_share` is the share of it that decays."""
    share = training.lr_scheduler_kwargs.get(_DECAY_SHARE)
    return {} if share is None else {"num_decay_steps": max(1, round(float(share) * steps))}


def own(
    optimizer: torch.optim.Optimizer, training: Training, steps: int
) -> torch.optim.lr_scheduler.LRScheduler | None:
    """Returns a schedule that transformers does not make for us, None for any other."""
    if training.lr_scheduler_type == PLATEAU:
        return torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, **training.lr_scheduler_kwargs)
    if training.lr_scheduler_type == RANGE_TEST:
        start = _start(training.lr_scheduler_kwargs) / training.learning_rate
        share = max(1, steps - 1)
        return torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: start ** (1 - min(1.0, step / share)))
    return None


def warmup(training: Training, steps: int) -> int:
    """Returns the steps of warm-up in a run of `steps`, as `transformers.TrainingArguments.get_warmup_steps` does."""
    asked = training.warmup_steps
    return int(asked) if asked >= 1 else math.ceil(steps * asked)


def after_evaluation(scheduler: Any, eval_loss: float) -> None:
    """Steps a schedule that follows evaluations; others follow the optimiser's steps, and the Trainer steps those."""
    if isinstance(scheduler, torch.optim.lr_scheduler.ReduceLROnPlateau):
        scheduler.step(eval_loss)


def _start(kwargs: Mapping[str, Any]) -> float:
    return float(kwargs.get("start", _START))
