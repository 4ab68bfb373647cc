"""Values of a table's cells: nothing is guessed."""

from __future__ import annotations

import json
import math
import re
from typing import Any

from analysis.imports.keys import KEYS, Kind

_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?", re.IGNORECASE)
_WITH_COMMA = re.compile(r"[+-]?[0-9]*,[0-9]+(e[+-]?[0-9]+)?", re.IGNORECASE)
_NOT_FINITE = {"nan": math.nan, "inf": math.inf, "+inf": math.inf, "-inf": -math.inf, "infinity": math.inf}
_TRUTHS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}

NUMBERS_ARE = (
    "a number like 1234.5: no unit and no thousands separator; a decimal comma only in a file with semicolons or tabs "
    "whose numbers have no decimal point"
)


class WrongCellError(ValueError):
    """A cell that does not hold what its column says; the message is the rule."""


def has_comma(text: str) -> bool:
    """True for a number with a decimal comma."""
    return _WITH_COMMA.fullmatch(text) is not None


def has_point(text: str) -> bool:
    """True for a number with a decimal point."""
    return "." in text and _NUMBER.fullmatch(text) is not None


def number(text: str, comma: bool = False) -> float | None:
    """Returns a number, `nan` and `inf` among them; None for what is none.

    Args:
        text: The cell's.
        comma: Whether the table writes decimal commas.
    """
    plain = text.replace(",", ".") if comma and has_comma(text) else text
    if _NUMBER.fullmatch(plain):
        return float(plain)
    return _NOT_FINITE.get(plain.casefold())


def value(key: str, text: str, comma: bool = False) -> Any:
    """Returns a parameter's value.

    Args:
        key: Dotted.
        text: The cell's, not empty.
        comma: Whether the table writes decimal commas.

    Raises:
        WrongCellError: The key has values of another kind.
    """
    if text.casefold() in {"none", "null"}:
        return None
    return _READ[KEYS.get(key, "any")](key, text, comma)


def _number(key: str, text: str, comma: bool) -> Any:
    found = number(text, comma)
    if found is None or not math.isfinite(found):
        raise WrongCellError(f"{key} is {NUMBERS_ARE}")
    # 32.0 is the same alpha as 32; the others are recorded as sweeps record them.
    return int(found) if key == "lora.alpha" and found.is_integer() else found


def _whole(key: str, text: str, comma: bool) -> int:
    found = number(text, comma)
    if found is None or not found.is_integer():
        raise WrongCellError(f"{key} is a whole number without separators")
    if key == "lora.r" and found < 1:
        raise WrongCellError("lora.r is at least 1")
    return int(found)


def _truth(key: str, text: str, comma: bool) -> bool:
    if text.casefold() not in _TRUTHS:
        raise WrongCellError(f"{key} is true or false")
    return _TRUTHS[text.casefold()]


def _list(key: str, text: str, comma: bool) -> Any:
    """Returns the names in order; one word such as `all-linear` stays one."""
    names = [item for item in re.split(r"[\s,;\[\]'\"]+", text) if item]
    return sorted(names) if len(names) > 1 or text.startswith("[") else text


def _text(key: str, text: str, comma: bool) -> str:
    if key == "training.lr_scheduler_type":
        return text.casefold()  # transformers.SchedulerType has no other
    if key == "data.augmentation" and text.casefold() in _TRUTHS:
        return "augmented" if _TRUTHS[text.casefold()] else "none"
    return text


def _any(key: str, text: str, comma: bool) -> Any:
    if text[:1] in "[{":
        try:
            return json.loads(text)
        except ValueError:
            return text
    if text.casefold() in {"true", "false"}:
        return _TRUTHS[text.casefold()]
    found = number(text, comma)
    if found is None or not math.isfinite(found):
        return text
    return int(found) if found.is_integer() and re.fullmatch(r"[+-]?[0-9]+", text) else found


_READ: dict[Kind, Any] = {
    "whole": _whole,
    "number": _number,
    "truth": _truth,
    "list": _list,
    "text": _text,
    "any": _any,
}
