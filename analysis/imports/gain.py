"""Rank, alpha and gain of a run: what follows from the others."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from analysis.numeric import is_number

R, ALPHA, GAIN, REALISED, RSLORA = "lora.r", "lora.alpha", "lora.gain", "lora.realised_gain", "lora.use_rslora"

DERIVED = (REALISED,)
"""What is never given, and so is no parameter that was varied."""


def completed(params: Mapping[str, Any]) -> tuple[dict[str, Any], str | None]:
    """Adds what follows from rank, alpha and gain.

    Args:
        params: Those that are known, under their dotted names.

    Returns:
        The parameters with alpha = gain * r where only the gain was given, and with `lora.realised_gain` = alpha/r
        (Hu et al. 2021, section 4.1), or alpha/sqrt(r) with rsLoRA (Kalajdzievski 2023), which PEFT leaves off unless
        it is asked for; and what is wrong where alpha and gain contradict each other.
    """
    r, alpha, gain = (params.get(key) for key in (R, ALPHA, GAIN))
    if not isinstance(r, int) or r < 1:
        return dict(params), None
    size = math.sqrt(r) if params.get(RSLORA) else float(r)
    if alpha is None and is_number(gain):
        alpha = _whole_if_it_is(gain * size)
    if not is_number(alpha):
        return dict(params), None
    found = {**params, ALPHA: alpha, REALISED: alpha / size}
    # Alpha may have been rounded to a whole number.
    if is_number(gain) and abs(alpha - gain * size) > 0.5:
        return found, f"gain {gain:g} at rank {r} means alpha {gain * size:g}, and lora.alpha is {alpha:g}"
    return found, None


def _whole_if_it_is(alpha: float) -> float:
    near = round(alpha)
    return near if math.isclose(alpha, near) else alpha
