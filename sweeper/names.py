"""Names of parameters and options: which there are, and which one was probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Sequence
from typing import Any

from sweeper.validation import Problem

_SYNONYMS = {
    **{("quantization", name): "nf4" for name in ("4bit", "4", "int4", "qlora", "bnb_4bit")},
    **{("quantization", name): "int8" for name in ("8bit", "8", "bnb_8bit")},
}
"""Other names of a group's options."""


def dotted(node: Any, prefix: str = "") -> list[str]:
    """Returns the dotted key of every value and of every mapping."""
    if not isinstance(node, dict):
        return []
    below = [(f"{prefix}{key}", value) for key, value in node.items()]
    return [name for key, value in below for name in (key, *dotted(value, f"{key}."))]


def nearest(key: str, known: Sequence[str]) -> str:
    """Returns the known key that a wrong one was probably meant to be, or where to look."""
    found = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
    return found[0] if found else "lora-sweep --help lists them"


def close(name: str, known: Collection[str]) -> str:
    """Returns the name that was probably meant, else all that there are."""
    found = difflib.get_close_matches(name, list(known), n=1, cutoff=0.3)
    return found[0] if found else f"one of {', '.join(known) or 'none'}"


def no_option(key: str, value: Any, options: Sequence[str]) -> Problem:
    """Returns what is wrong with a value that is no option of a config group."""
    text = str(value)
    meant = _SYNONYMS.get((key, text.lower()))
    likely = [meant] if meant else difflib.get_close_matches(text, options, n=1, cutoff=0.4)
    remedy = f"{key}={likely[0]}" if likely else f"{key}={'|'.join(options)}, or {key}.NAME={value}"
    if key in {"model", "data"} and "/" in text:
        remedy = f"{key}.path={value}"
    return Problem(key, value, f"{key} is a group with the options {', '.join(options)}", remedy)
