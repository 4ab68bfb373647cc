"""Which trials can share a pack, read from their configurations alone."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from trainers.packed.ranks import padded
from trainers.trial import Lora, Training, TrialConfig


@dataclass(frozen=True)
class Key:
    """What trials of one pack agree on: the base, the rows, and the shape of a pass."""

    base: str
    data: str
    max_length: int
    rows: int
    evaluated: int
    r: int


def key(config: TrialConfig) -> Key | None:
    """Returns what a trial has to share with others to be trained beside them, None where it trains alone."""
    if alone(config):
        return None
    training = config.training
    return Key(
        base=repr((config.model, config.quantization)),
        data=repr(dataclasses.asdict(config.data)),
        max_length=training.max_length,
        rows=training.per_device_train_batch_size,
        evaluated=training.per_device_eval_batch_size,
        r=padded(config.lora.r),
    )


def alone(config: TrialConfig) -> list[str]:
    """Returns the parameters that make a trial one for `trainers.sft`; none for a trial that can share a pass."""
    if config.is_reference:
        return ["training.max_steps"]
    adapter, training = Lora(r=1, alpha=1), Training(learning_rate=0)
    packed = {
        "lora.bias": (config.lora.bias, adapter.bias),
        "lora.dtype": (config.lora.dtype, adapter.dtype),
        "lora.init_lora_weights": (config.lora.init_lora_weights, adapter.init_lora_weights),
        "lora.kwargs": (config.lora.kwargs, {}),
        # transformers steps it with what evaluations of its own find.
        "training.lr_scheduler_type": (config.training.lr_scheduler_type == "greedy", False),
        **{f"training.{name}": (getattr(config.training, name), getattr(training, name)) for name in _OF_TRAINING},
    }
    return [name for name, (asked, able) in packed.items() if not _is(asked, able)]


_OF_TRAINING = ("optim", "packing", "activation_checkpointing", "probes", "neftune_noise_alpha", "kwargs")


def _is(asked: Any, able: Any) -> bool:
    return type(asked) is type(able) and asked == able
