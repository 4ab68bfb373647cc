"""The values of a parameter: which are the same, and how they are written."""

from __future__ import annotations

import json
from typing import Any

from analysis.numeric import is_number


def same(value: Any) -> str:
    """Returns a text that two values share when they are the same: 1 and 1.0 are."""
    return f"{float(value)!r}" if is_number(value) else json.dumps(value, sort_keys=True, default=str)


def words(value: Any) -> str:
    """Returns a value as people write it: `q_proj+v_proj` for a list, `not set` for None."""
    if value is None:
        return "not set"
    if is_number(value):
        return f"{value:.6g}" if value == int(value) else f"{value:.4g}"
    if isinstance(value, list):
        return "+".join(map(words, value)) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{key}={words(item)}" for key, item in value.items()) or "none"
    return str(value)


def order(value: Any) -> tuple[int, float, str]:
    """Sorts values: what is not set, numbers by size, then texts."""
    if value is None:
        return 0, 0.0, ""
    return (1, float(value), "") if is_number(value) else (2, 0.0, words(value))
