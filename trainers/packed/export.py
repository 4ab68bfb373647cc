"""A slot's adapter as PEFT saves one."""

from __future__ import annotations

import copy
from pathlib import Path

import safetensors.torch

from trainers.durable import replaced
from trainers.packed.slots import Tensors
from trainers.packed.targets import Targets
from trainers.trial import TrialConfig

_PREFIX = "base_model.model."  # where PEFT's wrapper puts the base


def save(folder: Path, config: TrialConfig, targets: Targets, tensors: Tensors) -> None:
    """Writes an adapter that `peft.PeftModel.from_pretrained` loads, replacing an earlier one as a whole.

    Args:
        folder: Where the adapter will be.
        config: The trial.
        targets: What its adapter changes.
        tensors: What `Slots.read` returned.
    """
    whole = {
        f"{_PREFIX}{name}.lora_{side}.weight": tensors[f"weight.{name}.{side}"].contiguous()
        for name in targets.names
        for side in "AB"
    }
    described = copy.copy(targets.peft)
    described.r, described.lora_alpha = config.lora.r, config.lora.alpha
    described.lora_dropout, described.use_rslora = config.lora.dropout, config.lora.use_rslora
    described.inference_mode = True
    with replaced(folder) as fresh:
        safetensors.torch.save_file(whole, fresh / "adapter_model.safetensors", metadata={"format": "pt"})
        described.save_pretrained(str(fresh))
