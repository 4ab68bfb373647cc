"""The batches that a trial runs with: those asked for, or smaller ones where memory did not last.

A smaller micro-batch with as much more accumulation is the same update of the same rows; a smaller evaluation batch
gives the same token-weighted loss.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from sweeper.history import Trial
from trainers.trial import TrialConfig, from_mapping

_TRAIN, _ACCUMULATION, _EVAL = (
    "per_device_train_batch_size",
    "gradient_accumulation_steps",
    "per_device_eval_batch_size",
)


def running(trial: Trial) -> TrialConfig:
    """Returns the configuration that a trial runs with."""
    config = from_mapping(trial.config)
    ran: dict[str, Any] = {key.removeprefix("training."): value for key, value in trial.ran.items()}
    return dataclasses.replace(config, training=dataclasses.replace(config.training, **ran))


def halved(config: TrialConfig) -> dict[str, int] | None:
    """Returns the next smaller batches, by their keys in a configuration.

    Args:
        config: What did not fit.

    Returns:
        At most half the rows in a micro-batch, as many in an update; None where single rows did not fit.
    """
    training = config.training
    rows, evaluated = training.per_device_train_batch_size, training.per_device_eval_batch_size
    if max(rows, evaluated) == 1:
        return None
    update = rows * training.gradient_accumulation_steps
    fewer = max(size for size in range(1, max(1, rows // 2) + 1) if update % size == 0)
    # A last attempt leaves nothing untried.
    found = {_TRAIN: fewer, _ACCUMULATION: update // fewer, _EVAL: 1 if fewer == 1 else max(1, evaluated // 2)}
    return {f"training.{key}": value for key, value in found.items()}
