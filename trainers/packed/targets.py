"""Which layers an adapter changes, as PEFT finds them, and whether slots can share them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
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
    children = [(module, dict(module._modules)) for module in base.modules()]
    # Dropout does not change what is adapted, and PEFT refuses it for experts only after it has wrapped other layers.
    try:
        model = adapter.attach(base, dataclasses.replace(lora, dropout=0.0))
    except Exception:
        for module, own in children:  # other trials go on with a base that PEFT had begun to wrap
            module._modules.update(own)
        raise
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
    """True where slots can share a pass through these layers, and each computes there what it would compute alone.

    Each must be a linear layer of its own that sees all rows in order: no fused convolution (GPT-2). Nor may the base
    draw at random while it trains, for it would draw for all slots, or sort tokens: what an expert computes for one
    token rounds differently with the number of those beside it.
    """
    inside = dict(base.named_modules())
    modules = [inside[name] for name in names if name in inside]  # PEFT names an expert's weights otherwise
    return (
        0 < len(modules) == len(names)
        and all(isinstance(module, torch.nn.Linear) for module in modules)
        and _sees_all(base, modules)
        and not _draws(base)
    )


def _sees_all(base: Any, modules: list[torch.nn.Module]) -> bool:
    """Runs the base: two rows of three tokens must reach these layers, and every other that runs, as just that."""
    seen: dict[torch.nn.Module, tuple[int, ...]] = {}

    def look(module: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        seen[module] = tuple(inputs[0].shape[:-1]) if isinstance(module, torch.nn.Linear) else ()

    looked_at = [module for module in base.modules() if isinstance(module, torch.nn.Linear) or _holds_experts(module)]
    hooks = [module.register_forward_pre_hook(look) for module in looked_at]
    try:
        _run(base)
    finally:
        for hook in hooks:
            hook.remove()
    return all(module in seen for module in modules) and set(seen.values()) <= {(2, 3)}


def _holds_experts(module: torch.nn.Module) -> bool:
    """True for a module with the weights of several layers in one tensor."""
    return any(parameter.ndim > 2 for parameter in module.parameters(recurse=False))


def _draws(base: Any) -> bool:
    """Runs the base as it trains: dropout of any kind, jitter and skipped layers all move the random state."""
    device = base.device
    cuda = [device] if device.type == "cuda" else []
    mode = base.training
    with torch.random.fork_rng(devices=cuda):
        before = _random_states(cuda)
        base.train()
        try:
            _run(base)
        finally:
            base.train(mode)
        after = _random_states(cuda)
    return any(not torch.equal(one, other) for one, other in zip(before, after, strict=True))


def _random_states(cuda: list[torch.device]) -> list[torch.Tensor]:
    return [torch.get_rng_state(), *(torch.cuda.get_rng_state(device) for device in cuda)]


def _run(base: Any) -> None:
    with torch.no_grad():
        base(input_ids=torch.zeros(2, 3, dtype=torch.int64, device=base.device), use_cache=False)


def stretches(base: Any, length: int) -> bool:
    """True where positions are embedded otherwise once a batch of such rows is longer than the base was trained for.

    Frequencies then follow from the longest row of a batch (dynamic NTK, LongRoPE), and so from padding and a shared
    prefix, too.
    """
    config = base.config.get_text_config()
    rope = getattr(config, "rope_parameters", None) or {}
    kinds = [rope, *(item for item in rope.values() if isinstance(item, Mapping))]  # some have one per kind of layer
    known = [kind for kind in kinds if kind.get("rope_type") in _STRETCHED]
    return any(length > kind.get("original_max_position_embeddings", config.max_position_embeddings) for kind in known)


_STRETCHED = ("dynamic", "longrope")
