"""How many optimizer steps a trial takes, as transformers counts them, without loading anything."""

from __future__ import annotations

import math

from trainers.trial import TrialConfig


def steps(config: TrialConfig, rows: int, mean_tokens: float = 0.0) -> int:
    """Returns the optimizer steps that a trial runs; the arguments are those of `whole`."""
    return config.steps_of(whole(config, rows, mean_tokens))


def whole(config: TrialConfig, rows: int, mean_tokens: float = 0.0) -> int:
    """Returns the optimizer steps of the whole run, which `training.stop_at` may cut short.

    Args:
        config: The trial's.
        rows: Its training examples.
        mean_tokens: The mean length of an example; where packing is on, rows are taken to be full of such.
    """
    training = config.training
    if training.max_steps >= 0:
        return training.max_steps
    packed = math.ceil(rows * min(mean_tokens, training.max_length) / training.max_length)
    batches = math.ceil((packed if training.packing and mean_tokens else rows) / training.per_device_train_batch_size)
    # transformers.Trainer.set_initial_training_values: a last, smaller group of batches is an update of its own.
    per_epoch = max(1, math.ceil(batches / training.gradient_accumulation_steps))
    return math.ceil(training.num_train_epochs * per_epoch)
