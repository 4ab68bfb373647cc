"""Bytes of a frozen base's weights."""

from __future__ import annotations

import math

from sweeper.model_facts import ModelFacts
from trainers.trial import Quantization

_BLOCK, _BLOCK_OF_BLOCKS = 64, 256
"""Weights that share a scale, and scales that share one (Dettmers et al. 2023, QLoRA, section 3; bitsandbytes)."""

_TABLES = 4 * (16 + 256)
"""Bytes per weight matrix: the values that four bits stand for, and those of the quantized scales (bitsandbytes)."""


def base_bytes(model: ModelFacts, quantization: Quantization, per_number: int) -> float:
    """Returns the bytes of the whole base: linear layers as they are quantized, the rest at its own precision.

    Args:
        model: The base.
        quantization: bitsandbytes leaves embeddings, norms and the head as they are.
        per_number: Bytes of a number that is not quantized.
    """
    linear = sum(weight_bytes(shape, quantization, per_number) for shape in model.linear.values())
    quantized = {f"{name}.weight" for name in model.linear}
    rest = sum(math.prod(shape) for name, shape in model.shapes.items() if name not in quantized)
    return linear + per_number * rest


def weight_bytes(shape: tuple[int, int], quantization: Quantization, per_number: int) -> float:
    """Returns the bytes of one linear layer's weight.

    nf4: half a byte, and a scale for every 64 weights: four bytes, or with double quantization one and four more for
    every 256 scales (QLoRA, section 3). int8: a byte, and a four-byte scale per row (Dettmers et al. 2022, LLM.int8()).
    """
    count = math.prod(shape)
    if quantization.name == "nf4":
        scale = 1 + 4 / _BLOCK_OF_BLOCKS if quantization.bnb_4bit_use_double_quant else 4
        return count * (0.5 + scale / _BLOCK) + _TABLES
    if quantization.name == "int8":
        return count + 4 * shape[0]
    return count * per_number
