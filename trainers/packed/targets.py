"""Which layers an adapter changes, as PEFT finds them, and whether slots can share them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from peft.tuners.lora import LoraLayer

from trainers import adapter
from trainers.trial import Lora

_WRAPPED = "base_model.model."


@dataclass(frozen=True)
class Targets:
    """The modules that an adapter changes, in the order of `named_modules`, in which PEFT draws their weights.

    `peft` is PEFT's own configuration, its `target_modules` resolved.
    """

    names: tuple[str, ...]
    peft: Any


def targets(base: Any, lora: Lora) -> Targets:
    """Returns what an adapter changes.

    Args:
        base: The frozen base; it is left as it was, the random state too.
        lora: The adapter's configuration.
    """
    state = torch.get_rng_state()
    model = adapter.attach(base, lora)
    found = [name.removeprefix(_WRAPPED) for name, module in model.named_modules() if isinstance(module, LoraLayer)]
    config = model.peft_config["default"]
    model.unload()
    torch.set_rng_state(state)
    return Targets(tuple(found), config)


def linear(base: Any) -> dict[str, int]:
    """Returns every linear layer's place among all of them."""
    names = [name for name, module in base.named_modules() if isinstance(module, torch.nn.Linear)]
    return {name: place for place, name in enumerate(names)}


def packable(base: Any, names: tuple[str, ...]) -> bool:
    """True where slots can share a pass through these layers.

    Each must be a linear layer of its own that sees all rows in order: no fused convolution (GPT-2), no weights of
    three dimensions, no expert that gets some of the tokens. A base with dropout of its own draws from one source of
    randomness for all slots.
    """
    modules = [base.get_submodule(name) for name in names]
    return (
        bool(modules)
        and all(isinstance(module, torch.nn.Linear) for module in modules)
        and not _drops(base)
        and _sees_all(base, modules)
    )


def _drops(base: Any) -> bool:
    inside = any(isinstance(module, torch.nn.Dropout) and module.p > 0 for module in base.modules())
    return inside or bool(getattr(base.config.get_text_config(), "attention_dropout", 0))


def _sees_all(base: Any, modules: list[torch.nn.Module]) -> bool:
    """Runs the base once: two rows of three tokens must reach every layer as two rows of three."""
    seen: dict[torch.nn.Module, tuple[int, ...]] = {}

    def look(module: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        seen[module] = tuple(inputs[0].shape[:-1])

    hooks = [module.register_forward_pre_hook(look) for module in modules]
    try:
        with torch.no_grad():
            base(input_ids=torch.zeros(2, 3, dtype=torch.int64, device=base.device), use_cache=False)
    finally:
        for hook in hooks:
            hook.remove()
    return all(seen.get(module) == (2, 3) for module in modules)
