"""The LoRA adapter: attached, measured, saved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import peft
import torch

from trainers import loftq, target_sets
from trainers.durable import replaced
from trainers.seam import TrialFailed
from trainers.trial import LOFTQ, Lora

# PEFT's other ways to begin (pissa, olora, corda) take what they put into the adapter out of the base's weights.
_LEAVES_BASE = (True, False, "gaussian", "orthogonal", "mica", "eva", LOFTQ)

# What PEFT trains of the base itself, or makes of its layers; unloading leaves it in place.
_PARTS_OF_BASE = {"modules_to_save", "trainable_token_indices", "layer_replication"}

MATCHED = "matched.target_modules"
"""The fact that says which modules a named set of them is."""


def attach(base: Any, lora: Lora) -> Any:
    """Wraps a base model with a fresh adapter.

    Args:
        base: The frozen base; its linear layers are replaced in place until `unload()`.
        lora: The adapter's configuration.

    Returns:
        A `peft.PeftModel` whose trainable parameters have `lora.dtype`, whatever the base is quantized to. The weights
        follow from torch's random state.

    Raises:
        TrialFailed: `lora.target_modules` names a set that the base does not have.
    """
    config = peft.LoraConfig(
        r=lora.r,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        use_rslora=lora.use_rslora,
        target_modules=_target_modules(base, lora),
        bias=lora.bias,
        # LoftQ comes afterwards and is ours: PEFT's own insists on CUDA and quantizes with another code than the base.
        init_lora_weights=True if lora.uses_loftq else lora.init_lora_weights,
        task_type="CAUSAL_LM",
        **lora.kwargs,
    )
    model = peft.get_peft_model(base, config)
    for parameter in trainable(model):
        parameter.data = parameter.data.to(getattr(torch, lora.dtype))
    return model


def matched(base: Any, lora: Lora) -> dict[str, Any]:
    """Returns what a named set of target modules is in a base model, as a fact to record; nothing where none is asked.

    Args:
        base: As `attach` takes it, without an adapter.
        lora: The adapter's configuration.
    """
    return {MATCHED: _target_modules(base, lora)} if target_sets.is_set(lora.target_modules) else {}


def _target_modules(base: Any, lora: Lora) -> Any:
    config = getattr(base, "config", None)
    kind = None if config is None else config.get_text_config().model_type
    weights = (name for name, module in base.named_modules() if getattr(module, "weight", None) is not None)
    found = target_sets.listed(lora.target_modules, kind, weights)
    if not found and target_sets.is_set(lora.target_modules):
        rule = f"is a set that this model ({kind}) has no modules of, or under names that are not known here"
        raise TrialFailed(
            f"lora.target_modules={lora.target_modules} {rule}; try: a list of names, or lora.target_modules=all-linear"
        )
    return found


def changes_base(lora: Lora) -> bool:
    """True where a trial leaves another base behind than it found: biases or layers trained, or weights replaced."""
    trained = lora.bias != "none" or any(lora.kwargs.get(name) for name in _PARTS_OF_BASE)
    return trained or loftq.replaces_base(lora) or lora.init_lora_weights not in _LEAVES_BASE


def trainable(model: Any) -> list[torch.nn.Parameter]:
    """Returns the parameters that are trained."""
    return [parameter for parameter in model.parameters() if parameter.requires_grad]


def norm(model: Any) -> float:
    """Returns the Euclidean norm of all trained weights together."""
    return float(torch.nn.utils.get_total_norm([parameter.detach() for parameter in trainable(model)]))


def save(model: Any, folder: Path) -> None:
    """Saves the adapter in PEFT's format, replacing an earlier one as a whole.

    Args:
        model: The `peft.PeftModel`.
        folder: Where the adapter will be.
    """
    with replaced(folder) as fresh:
        model.save_pretrained(str(fresh))
