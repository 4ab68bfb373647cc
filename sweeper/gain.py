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


LAWS = ("gain", "constant", "per_r", "per_sqrt_r")
"""How alpha follows rank: at a constant gain, which is the default; or as a factor of an experiment.

The literature disagrees: alpha constant (Thinking Machines 2025, "LoRA Without Regret": 32 for every rank), alpha/r
constant (the tuning guide), alpha/sqrt(r) constant (Kalajdzievski 2023). The laws agree at `lora.alpha_r`, the rank
whose gain is `lora.gain`.
"""


def alpha_by_law(law: str, gain: float, r: int, anchor: int, use_rslora: bool) -> int:
    """Returns alpha at rank r for a law.

    Args:
        law: One of `LAWS`.
        gain: The gain at the rank where the laws agree.
        r: The trial's rank.
        anchor: That rank.
        use_rslora: Whether the gain is alpha/sqrt(r).
    """
    if law == "gain":
        return alpha_for(gain, r, use_rslora)
    exponent = {"constant": 0.0, "per_sqrt_r": 0.5, "per_r": 1.0}[law]
    at_anchor = gain * (math.sqrt(anchor) if use_rslora else anchor)
    return round(at_anchor * math.pow(r / anchor, exponent))


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
    if alpha is not None and (law := lora.get("alpha_law", "gain")) != "gain":
        rule = f"alpha is given as {alpha}, so it follows no law"
        return {**lora, "gain": None}, [Problem("lora.alpha_law", law, rule, "lora.gain=2 in place of lora.alpha")]
    if alpha is not None:
        whole = isinstance(alpha, float) and alpha.is_integer()  # 32.0 is the same alpha as 32
        return {**lora, "alpha": int(alpha) if whole else alpha, "gain": None}, []
    if gain is None:
        return dict(lora), [Problem("lora.gain", None, "alpha needs a gain to follow from", "lora.gain=2")]
    return _derived(lora, gain)


def _derived(lora: Mapping[str, Any], gain: Any) -> tuple[dict[str, Any], list[Problem]]:
    r, anchor, law = lora.get("r"), lora.get("alpha_r"), lora.get("alpha_law", "gain")
    if not (_is_rank(r) and _is_positive(gain) and law in LAWS and (anchor is None or _is_rank(anchor))):
        # No rank, gain or law at all: validation names them; a placeholder keeps alpha from being blamed as well.
        return {**lora, "alpha": 1}, []
    assert isinstance(r, int)
    if law != "gain" and anchor is None:
        rule = f"alpha_law={law} needs the rank at which lora.gain holds"
        return {**lora, "alpha": 1}, [Problem("lora.alpha_r", None, rule, "lora.alpha_r=16")]
    alpha = alpha_by_law(law, gain, r, anchor or r, bool(lora.get("use_rslora")))
    if alpha < 1:
        rule = f"gain {gain} at rank {r} rounds alpha to {alpha}; alpha must be at least 1"
        return dict(lora), [Problem("lora.gain", gain, rule, "a larger gain or rank")]
    return {**lora, "alpha": alpha}, []


def _is_rank(r: Any) -> bool:
    return isinstance(r, int) and not isinstance(r, bool) and r >= 1


def _is_positive(gain: Any) -> bool:
    return isinstance(gain, (int, float)) and math.isfinite(gain) and gain > 0
