"""LoftQ: an adapter that begins by making up for what quantizing the base has lost.

Li et al. 2023, "LoftQ: LoRA-Fine-Tuning-Aware Quantization for Large Language Models", Algorithm 1: quantizing what the
adapter does not hold, and putting into the adapter what quantizing lost, take turns. PEFT's own needs CUDA and has a
code of its own; here bitsandbytes quantizes, on any device, so that Q is exactly what the frozen base stores.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import torch
from peft.tuners.lora import LoraLayer

from trainers import frozen_weight
from trainers.seam import TrialFailed
from trainers.trial import Lora

_ADAPTER = "default"  # PEFT's name for the first one

# nf4 keeps a weight within about a tenth of its norm, int8 within a hundredth.
_SAME_WEIGHT = 0.5

Weights = Callable[[str], torch.Tensor | None]
"""The full-precision weight of a name in the model, on any device and in any type; None where there is none."""


def replaces_base(lora: Lora) -> bool:
    """True where the base will hold other weights than it was loaded with: the first Q is what it holds anyway."""
    return lora.uses_loftq and lora.turns > 1


def initialise(model: Any, weights: Weights, turns: int) -> None:
    """Sets the adapter of every quantized layer, and with more than one turn the base's weight beneath it.

    Args:
        model: A `peft.PeftModel` with a fresh adapter on a quantized base.
        weights: The base's weights before they were quantized.
        turns: T of Algorithm 1.

    Raises:
        TrialFailed: No adapted layer is quantized, or a weight is not the one that the base was quantized from.
    """
    layers = list(_quantized(model))
    if not layers:
        raise TrialFailed("lora.init_lora_weights=loftq: none of the adapted layers is quantized; try quantization=nf4")
    with torch.no_grad():
        for name, layer in layers:
            weight = _weight(weights, name, layer.base_layer)
            _give(layer, *_alternate(layer.base_layer, weight, layer.r[_ADAPTER], turns))


def _give(layer: Any, up: torch.Tensor, down: torch.Tensor) -> None:
    """Sets the adapter so that what it adds to the weight is `up @ down`, (out, r) and (r, in)."""
    # PEFT scales that product by alpha/r (alpha/sqrt(r) with rsLoRA), which its own LoftQ does not undo: at the usual
    # gain of 2 it adds twice what was lost. Each factor takes the root of it.
    root = math.sqrt(layer.scaling[_ADAPTER])
    layer.lora_A[_ADAPTER].weight.copy_(down / root)
    layer.lora_B[_ADAPTER].weight.copy_(up / root)


def _quantized(model: Any) -> Iterator[tuple[str, Any]]:
    """Yields the adapted layers whose base is quantized, under their names in the base model."""
    for name, module in model.get_base_model().named_modules():
        if isinstance(module, LoraLayer) and frozen_weight.is_quantized(module.base_layer):
            yield name, module


def _weight(weights: Weights, name: str, linear: Any) -> torch.Tensor:
    """Returns a layer's weight before it was quantized, (out, in), in float32 on the layer's device."""
    found, held = weights(f"{name}.weight"), frozen_weight.dequantized(linear)
    if found is not None and found.shape == held.shape:
        weight = found.to(held.device, torch.float32)
        if (weight - held).norm() <= _SAME_WEIGHT * weight.norm():
            return weight
    raise TrialFailed(
        f"lora.init_lora_weights=loftq: the model's files do not hold the weight that {name} was quantized from; "
        "try lora.init_lora_weights=true"
    )


def _alternate(linear: Any, weight: torch.Tensor, rank: int, turns: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Runs Algorithm 1 on one layer, whose weight it replaces from the second turn on.

    Returns:
        Factors of shapes (out, rank) and (rank, in); their product is the adapter's whole part of the weight.
    """
    up, down = _truncated(weight - frozen_weight.dequantized(linear), rank)
    for _ in range(turns - 1):
        frozen_weight.store(linear, weight - up @ down)
        up, down = _truncated(weight - frozen_weight.dequantized(linear), rank)
    return up, down


def _truncated(matrix: torch.Tensor, rank: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns the rank-r singular value decomposition as (U sqrt(S), sqrt(S) V^T), of shapes (m, r) and (r, n).

    The singular vectors of the shorter side are the eigenvectors of its Gram matrix: many times faster than
    decomposing the matrix itself, whose other vectors nobody needs.
    """
    if matrix.shape[0] > matrix.shape[1]:
        up, down = _truncated(matrix.T, rank)
        return down.T, up.T
    left = torch.linalg.eigh(matrix @ matrix.T).eigenvectors[:, -rank:]  # ascending: the largest are the last
    right = left.T @ matrix
    root = right.norm(dim=1).sqrt()
    return left * root, right / root.clamp_min(torch.finfo(root.dtype).tiny)[:, None]
