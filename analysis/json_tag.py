"""Tags that hold JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def mapping(tags: Mapping[str, str], key: str) -> dict[str, Any]:
    """Returns what a tag holds; nothing where there is none, or it is no mapping, as one that was cut or changed."""
    try:
        found = json.loads(tags.get(key, "{}"))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
