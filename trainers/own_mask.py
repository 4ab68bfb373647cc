"""Attention masks of our own: which models take them, and in what form."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import torch

# How models refuse arguments that they do not know (Bloom a mask of four dimensions, GPT-J positions).
_REFUSALS = (TypeError, ValueError, RuntimeError, IndexError)

_CLOSE, _NEAR = 1e-3, 0.25  # nats by which two ways to compute the same may differ: in float32, and in 16 bits

Found = TypeVar("Found")

_TAKEN_BY = ("sdpa", "eager")  # attention that takes a mask of any form


def is_taken(model: Any, length: int) -> bool:
    """True where a model's attention takes a mask of ours, and sees sequences of this length as a whole.

    Whether it heeds the mask has to be tried.
    """
    config = model.config.get_text_config()
    windows = [getattr(config, name, None) for name in ("sliding_window", "attention_chunk_size")]
    return config._attn_implementation in _TAKEN_BY and all(not window or window >= length for window in windows)


def mask(model: Any, sees: torch.Tensor) -> torch.Tensor:
    """Returns a mask as the model's attention takes it.

    Args:
        model: Eager attention adds masks to its scores.
        sees: (batch, 1, queries, keys), True where a query sees a key.
    """
    if model.config.get_text_config()._attn_implementation != "eager":
        return sees
    kind = model.get_input_embeddings().weight.dtype
    return torch.zeros(sees.shape, dtype=kind, device=sees.device).masked_fill(~sees, torch.finfo(kind).min)


def tried(run: Callable[[], Found]) -> Found | None:
    """Returns what a model computes with a mask of ours, None where it refuses."""
    try:
        return run()
    except _REFUSALS as error:
        if isinstance(error, torch.OutOfMemoryError):
            raise
        return None


def agrees(model: Any, one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """Returns where two ways to compute the same nats agree, as far as the model's precision allows."""
    most = _CLOSE if model.get_input_embeddings().weight.dtype == torch.float32 else _NEAR
    return (one - other).abs() <= most
