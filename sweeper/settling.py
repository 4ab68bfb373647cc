"""What a procedure settled on, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def settling(params: Mapping[str, Any], held: Mapping[str, Any]) -> str:
    """Says what was settled, apart from what was held from the start.

    Args:
        params: All that the procedure ends with.
        held: What it began with.
    """
    found = [f"{key}={value}" for key, value in params.items() if held.get(key) != value]
    kept = [f"{key}={value}" for key, value in params.items() if key in held and held[key] == value]
    told = f"Settled: {', '.join(found) or 'nothing'}"
    return f"{told} (held: {', '.join(kept)})" if kept else told
