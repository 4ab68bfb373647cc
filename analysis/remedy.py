"""One thing to try after a verdict: what to type, in numbers of the very run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from analysis.verdict import Verdict

_SENSELESS = 1e12  # nothing that is configured is so large; NaN is not smaller either

Params = Mapping[str, Any]
"""A run's parameters under their dotted names; those of runs that others recorded are mostly missing."""


@dataclass(frozen=True)
class Remedy:
    """What would mend a verdict.

    `override` is what to type after `lora-sweep`, several separated by a blank; empty where the run's parameters do not
    say what it would be, or no setting does it. `text` says what changes, from what to what. `source` is the document.
    """

    override: str
    text: str
    source: str


Maker = Callable[[Params, Verdict], Remedy | None]
"""Returns a remedy for a run, None where there is nothing left to turn."""


def number(params: Params, key: str) -> float | None:
    """Returns a parameter that is a number, None for any other, and for one that no configuration can mean."""
    value = params.get(key)
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return None
    return value if abs(value) < _SENSELESS else None


def positive(params: Params, key: str) -> float | None:
    """Returns a parameter that is a number above 0, None for any other."""
    value = number(params, key)
    return value if value is not None and value > 0 else None


def text(params: Params, key: str) -> str | None:
    """Returns a parameter that is a text, None for any other."""
    value = params.get(key)
    return value if isinstance(value, str) else None


def figure(value: float) -> str:
    """Returns a number as one would type it: `64`, `0.05`, `2e-4`."""
    if value == 0 or abs(value) >= 0.001:
        return f"{value:.6g}"
    digits, exponent = f"{value:.3e}".split("e")
    return f"{float(digits):g}e{int(exponent)}"


def changed(key: str, old: float | str, new: float | str, source: str, why: str = "") -> Remedy:
    """Returns the remedy of setting one key, its text `key: old → new` and what is to be said of it."""
    before, after = (item if isinstance(item, str) else figure(item) for item in (old, new))
    return Remedy(f"{key}={after}", f"{key}: {before} → {after}{why}", source)


def moved(
    params: Params, key: str, notches: Callable[[float], Iterable[float]], told: str, source: str
) -> Remedy | None:
    """Returns the remedy of moving a parameter by a notch: what is `told` where it is not known, None at the last one.

    Args:
        params: The run's.
        key: The parameter.
        notches: Those beyond a value, the nearest first.
        told: The advice in words.
        source: The document.
    """
    value = number(params, key)
    if value is None:
        return in_words(told, source)
    notch = next(iter(notches(value)), None)
    return None if notch is None else changed(key, value, notch, source)


def in_words(text: str, source: str) -> Remedy:
    """Returns a remedy with nothing to type."""
    return Remedy("", text, source)
