"""Bytes of what an optimizer remembers of each trained tensor."""

from __future__ import annotations

import math
from collections.abc import Sequence

SMALLEST_8BIT = 4096
"""Tensors with fewer elements keep 32-bit states (bitsandbytes, `min_8bit_size`; facts, section 3)."""

_SCALED = 256
"""Elements of an 8-bit state that share a four-byte scale (bitsandbytes, `blocksize`)."""

_MOMENTS = (("sgd", 0), ("lion", 1), ("rmsprop", 1), ("adagrad", 1), ("lomo", 0), ("ademamix", 3))
"""Numbers remembered per element, by what an optimizer's name holds; Adam's two for every other."""


def state_bytes(optim: str, shapes: Sequence[tuple[int, ...]], per_number: int) -> float:
    """Returns the bytes of an optimizer's whole state.

    Args:
        optim: Its name in transformers.
        shapes: Of the trained tensors.
        per_number: Bytes of a trained number: torch's own optimizers keep moments in that type, bitsandbytes in four.
    """
    if "adafactor" in optim:  # a row's and a column's mean square (Shazeer and Stern 2018, section 4)
        return 4.0 * sum(shape[0] + shape[1] if len(shape) == 2 else math.prod(shape) for shape in shapes)
    moments = next((count for name, count in _MOMENTS if name in optim), 2)
    return moments * sum(_moment_bytes(optim, math.prod(shape), per_number) for shape in shapes)


def is_8bit(optim: str) -> bool:
    """True for an optimizer of bitsandbytes whose states have eight bits."""
    return "8bit" in optim and "torch" not in optim


def _moment_bytes(optim: str, count: int, per_number: int) -> float:
    if is_8bit(optim) and count >= SMALLEST_8BIT:
        return count * (1 + 4 / _SCALED)
    return count * (4 if "bit" in optim or "bnb" in optim or "paged" in optim else per_number)
