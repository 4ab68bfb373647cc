"""What a column must hold to be trained on."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from trainers.found_rows import Unusable

_SHOWN = 40  # characters of a value in a message


def shown(value: Any) -> str:
    """Returns a value as a message shows it: in quotes, without control characters, and not at length."""
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


def text_in(values: Mapping[str, Any], column: str) -> str:
    """Returns a column's text; numbers count as text, nothing and blanks do not.

    Raises:
        Unusable: There is no such column, or no text in it.
    """
    if column not in values:
        raise Unusable(f"no column {column}", f"has {', '.join(map(shown, sorted(values)))}" if values else "")
    text = optional(values, column)
    if not text.strip():
        raise Unusable(f"empty {column}")
    return text


def optional(values: Mapping[str, Any], column: str) -> str:
    """Returns a column's text, empty where it holds nothing or is not there.

    Raises:
        Unusable: What it holds is no text.
    """
    value = values.get(column)
    if value is None or (isinstance(value, float) and math.isnan(value)):  # how data frames write nothing
        return ""
    if not isinstance(value, (str, int, float)):
        raise Unusable(f"{column} that is no text", shown(value))
    return whole(str(value), column)


def whole(text: str, column: str) -> str:
    """Returns a text that can be written as UTF-8: JSON can spell half of a character.

    Raises:
        Unusable: It cannot.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise Unusable(f"{column} that is no Unicode", shown(text[error.start : error.end])) from None
    return text
