"""Values as Hydra reads them behind `key=`."""

from __future__ import annotations

import json
import re
from typing import Any

# What Hydra reads as something else than the text it is.
_WORDS = {"true", "false", "null", "nan", "inf"}


def quoted(value: Any) -> str:
    """Returns a value in Hydra's syntax: a text with anything special in it stands in quotes."""
    if not isinstance(value, str):
        return json.dumps(value)
    if re.fullmatch(r"[A-Za-z][\w./-]*", value) and value.lower() not in _WORDS:
        return value
    # Hydra unescapes backslashes only where a quote follows, the closing one included.
    escaped = re.sub(r"(\\+)$", r"\1\1", re.sub(r'(\\*)"', r'\1\1\\"', value))
    return f'"{escaped}"'
