"""Alpha follows rank: the effective adapter gain is what one chooses, never alpha blindly beside rank.

Standard LoRA scales the update by alpha/r (Hu et al. 2021, section 4.1), rsLoRA by alpha/sqrt(r) (Kalajdzievski 2023).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any

from sweeper.validation import Problem


def alpha_for(gain: float, r: int, use_rslora: bool) -> int:
    """Returns round(g*r), or round(g*sqrt(r)) with rsLoRA (tuning guide, use_rslora)."""
    return round(gain * (math.sqrt(r) if use_rslora else r))


def resolve(lora: Mapping[str, Any], explicit: Collection[str]) -> tuple[dict[str, Any], list[Problem]]:
    """Derives alpha from gain, unless alpha was given.

    Args:
        lora: The composed group.
        explicit: The dotted keys that the command itself sets.

    Returns:
        The group with alpha filled in (gain is None where alpha was given), and what is wrong.
    """
    gain, alpha = lora.get("gain"), lora.get("alpha")
    if {"lora.gain", "lora.alpha"} <= set(explicit) and gain is not None and alpha is not None:
        rule = "alpha follows from gain, so only one of lora.alpha and lora.gain can be given"
        return dict(lora), [Problem("lora.alpha", alpha, rule, f"leave out lora.alpha={alpha} or lora.gain={gain}")]
    if alpha is not None:
        whole = isinstance(alpha, float) and alpha.is_integer()  # 32.0 is the same alpha as 32
        return {**lora, "alpha": int(alpha) if whole else alpha, "gain": None}, []
    if gain is None:
        return dict(lora), [Problem("lora.gain", None, "alpha needs a gain to follow from", "lora.gain=2")]
    return _derived(lora, gain)


def _derived(lora: Mapping[str, Any], gain: Any) -> tuple[dict[str, Any], list[Problem]]:
    r = lora.get("r")
    if not isinstance(r, int) or isinstance(r, bool) or r < 1 or not _is_positive(gain):
        # Not a rank or a gain at all: validation names them; a placeholder keeps alpha from being blamed as well.
        return {**lora, "alpha": 1}, []
    alpha = alpha_for(gain, r, bool(lora.get("use_rslora")))
    if alpha < 1:
        rule = f"gain {gain} at rank {r} rounds alpha to {alpha}; alpha must be at least 1"
        return dict(lora), [Problem("lora.gain", gain, rule, "a larger gain or rank")]
    return {**lora, "alpha": alpha}, []


def _is_positive(gain: Any) -> bool:
    return isinstance(gain, (int, float)) and math.isfinite(gain) and gain > 0
