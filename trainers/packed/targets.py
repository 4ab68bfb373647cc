"""Which layers an adapter changes, as PEFT finds them."""

from __future__ import annotations

from typing import Any

import torch
from peft.tuners.lora import LoraLayer

from trainers import adapter
from trainers.trial import Lora

_WRAPPED = "base_model.model."


def names(base: Any, lora: Lora) -> list[str]:
    """Returns the modules that an adapter changes, in the order of `named_modules`, in which PEFT draws their weights.

    Args:
        base: The frozen base; it is left as it was, the random state too.
        lora: The adapter's configuration.
    """
    state = torch.get_rng_state()
    model = adapter.attach(base, lora)
    found = [name.removeprefix(_WRAPPED) for name, module in model.named_modules() if isinstance(module, LoraLayer)]
    model.unload()
    torch.set_rng_state(state)
    return found


def is_packable(base: Any, found: list[str]) -> bool:
    """True where every adapted layer is a linear one of its own: no fused or three-dimensional weights."""
    return all(isinstance(base.get_submodule(name), torch.nn.Linear) for name in found)
