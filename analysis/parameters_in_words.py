"""What a table shows of a trial's parameters, as far as they are known: an imported run may lack any."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from analysis.numeric import is_number


def lora(params: Mapping[str, Any]) -> str:
    """Returns rank, alpha and dropout, and whether the scaling is rsLoRA's; empty where nothing is known."""
    named = {"r": "lora.r", "alpha": "lora.alpha", "dropout": "lora.dropout"}
    known = {name: params[key] for name, key in named.items() if params.get(key) is not None}
    parts = [f"{name}={value:g}" if is_number(value) else f"{name}={word(value)}" for name, value in known.items()]
    return ", ".join([*parts, *(["rsLoRA"] if params.get("lora.use_rslora") is True else [])])


def gain(params: Mapping[str, Any]) -> str:
    """Returns alpha/r, or alpha/sqrt(r) with rsLoRA: as recorded, else computed; empty where it is not known."""
    found = realised_gain(params)
    return "" if found is None else f"{found:.3g}"


def realised_gain(params: Mapping[str, Any]) -> float | None:
    """Returns the factor before the adapter's output; None where it is not known."""
    recorded = params.get("lora.realised_gain")
    if is_number(recorded):
        return float(recorded)
    r, alpha = params.get("lora.r"), params.get("lora.alpha")
    if not is_number(r) or not is_number(alpha) or not r > 0:
        return None
    return float(alpha / (math.sqrt(r) if params.get("lora.use_rslora") is True else r))


def data(params: Mapping[str, Any]) -> str:
    """Returns the data's name, `augmented` where it was."""
    return word(params.get("data.name")) if params.get("data.augmentation", "none") == "none" else "augmented"


def word(value: Any) -> str:
    """Returns a value for a cell: lists joined, nothing for None."""
    if value is None:
        return ""
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def number(value: float | None, digits: int) -> str:
    """Returns a number with so many digits after the point; nothing for None."""
    return "" if value is None else f"{value:.{digits}f}"
