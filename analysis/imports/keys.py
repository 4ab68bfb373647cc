"""The parameters that a table may name: dotted keys, kinds of values, and what else people call them.

Dotted keys are those of `lora-sweep`; the other names are those of peft.LoraConfig, transformers.TrainingArguments,
trl.SFTConfig, and of the configuration in document 003.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import Literal

Kind = Literal["whole", "number", "truth", "list", "text", "any"]

GROUPS = ("model", "quantization", "lora", "data", "training", "trainer")
"""How the dotted names of parameters begin."""

KEYS: Mapping[str, Kind] = {
    **dict.fromkeys(("model.name", "model.path", "model.revision", "model.dtype", "quantization.name"), "text"),
    **dict.fromkeys(("lora.r", "lora.alpha_r"), "whole"),
    **dict.fromkeys(("lora.alpha", "lora.gain", "lora.realised_gain", "lora.dropout"), "number"),
    **dict.fromkeys(("lora.bias", "lora.dtype", "lora.alpha_law", "lora.init_lora_weights"), "any"),
    **{"lora.use_rslora": "truth", "lora.target_modules": "list"},
    **dict.fromkeys(("data.name", "data.path", "data.validation_path", "data.augmentation"), "text"),
    **dict.fromkeys(("data.max_samples", "data.augmentation_factor"), "whole"),
    **dict.fromkeys(("training.learning_rate", "training.warmup_steps", "training.weight_decay"), "number"),
    **dict.fromkeys(("training.num_train_epochs", "training.max_grad_norm"), "number"),
    **dict.fromkeys(("training.lr_scheduler_type", "training.optim"), "text"),
    **dict.fromkeys(("training.per_device_train_batch_size", "training.per_device_eval_batch_size"), "whole"),
    **dict.fromkeys(("training.gradient_accumulation_steps", "training.max_steps", "training.seed"), "whole"),
    **dict.fromkeys(("training.eval_steps", "training.logging_steps", "training.max_length"), "whole"),
    "training.early_stopping_patience": "whole",
    **dict.fromkeys(("training.packing", "training.activation_checkpointing"), "truth"),
    "trainer.name": "text",
}

_SAME = ("use_rslora", "target_modules", "init_lora_weights", "gain", "alpha", "dropout", "bias", "r")
_TRAINING = tuple(key.removeprefix("training.") for key in KEYS if key.startswith("training."))

NAMES: Mapping[str, str] = {
    **{name: f"lora.{name}" for name in _SAME},
    **{name: f"training.{name}" for name in _TRAINING},
    **dict.fromkeys(("lora_r", "lora_rank", "rank"), "lora.r"),
    **{"lora_alpha": "lora.alpha", "lora_dropout": "lora.dropout", "rslora": "lora.use_rslora"},
    **dict.fromkeys(("scheduler", "scheduler_type", "lr_scheduler"), "training.lr_scheduler_type"),
    **{"lr": "training.learning_rate", "optimizer": "training.optim", "warmup": "training.warmup_steps"},
    **dict.fromkeys(("epochs", "num_epochs"), "training.num_train_epochs"),
    **dict.fromkeys(("batch_size", "train_batch_size"), "training.per_device_train_batch_size"),
    "grad_accumulation_steps": "training.gradient_accumulation_steps",
    **{"max_seq_length": "training.max_length", "gradient_checkpointing": "training.activation_checkpointing"},
    **dict.fromkeys(("model", "base_model", "base_model_name_or_path", "model_name_or_path"), "model.path"),
    **dict.fromkeys(("data", "dataset", "data_source"), "data.name"),
    **{"augmented": "data.augmentation", "max_samples": "data.max_samples", "quantization": "quantization.name"},
}
"""Dotted keys by what else people call them."""


def plain(header: str) -> str:
    """Returns a header as names are compared: `Best Val Loss` is `best_val_loss`."""
    return re.sub(r"[\s-]+", "_", header.strip().casefold())


def nearest(name: str) -> str | None:
    """Returns the dotted key that a name was probably meant to be."""
    last = plain(name).rpartition(".")[2]
    known = {**{key.rpartition(".")[2]: key for key in KEYS}, **NAMES}
    found = difflib.get_close_matches(last, list(known), n=1, cutoff=0.6)
    return known[found[0]] if found else None
