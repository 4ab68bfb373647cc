"""A linear layer's weight as bitsandbytes stores it: read in full precision, and replaced by another one."""

from __future__ import annotations

from typing import Any

import bitsandbytes as bnb
import torch


def is_quantized(linear: Any) -> bool:
    """True for a 4-bit layer, and for an 8-bit one whose weight is stored in 8 bits."""
    return _is_4bit(linear) or (isinstance(linear, bnb.nn.Linear8bitLt) and linear.weight.dtype == torch.int8)


def dequantized(linear: Any) -> torch.Tensor:
    """Returns what a layer computes with, of shape (out, in) in float32."""
    weight = linear.weight
    if _is_4bit(linear):
        return bnb.functional.dequantize_4bit(weight.data, weight.quant_state).float()
    # The first forward pass moves the rows' scales from the weight to the layer's state.
    scales = linear.state.SCB if weight.SCB is None else weight.SCB
    return bnb.functional.int8_vectorwise_dequant(weight.data, scales).float()


def store(linear: Any, weight: torch.Tensor) -> None:
    """Quantizes a weight with the layer's own settings and puts it into the layer.

    Args:
        linear: A layer for which `is_quantized` holds.
        weight: The new weight, (out, in), on the layer's device.
    """
    linear.weight = _in_4bit(linear, weight) if _is_4bit(linear) else _in_8bit(linear, weight)


def _is_4bit(linear: Any) -> bool:
    return isinstance(linear, bnb.nn.Linear4bit)


def _in_4bit(linear: Any, weight: torch.Tensor) -> Any:
    old = linear.weight
    fresh = bnb.nn.Params4bit(
        weight.to(old.quant_state.dtype),  # what the base was quantized from: another type rounds differently
        quant_type=old.quant_type,
        quant_storage=old.quant_storage,
        compress_statistics=old.compress_statistics,
        blocksize=old.blocksize,
        module=linear,
    )
    return fresh.to(weight.device)  # this quantizes


def _in_8bit(linear: Any, weight: torch.Tensor) -> Any:
    codes, scales, _ = bnb.functional.int8_vectorwise_quant(weight.to(torch.float16))  # as Int8Params does
    linear.state.CB = linear.state.SCB = None  # the next forward pass fills them again
    return bnb.nn.Int8Params(codes, requires_grad=False, CB=codes, SCB=scales)
