"""What in a procedure's file has not even the form of a stage: said in the file's words, and taken out."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Collection, Iterator
from typing import Any

from sweeper.names import close
from sweeper.priors import PRIORS
from sweeper.procedure import GROUP, Procedure, Stage
from sweeper.validation import Problem

_VALUES: dict[str, set[str]] = {
    "times": {"times"},
    "plus": {"plus"},
    "neighbours": {"neighbours", "places"},
    "at_most": {"values", "at_most"},
    "prior": {"prior"},
}
"""What `vary` takes besides a list, by the word that tells which, and all the words it has."""

_LISTS = {"times", "plus", "places", "values"}


def odd(prepared: dict[str, Any]) -> Iterator[Problem]:
    """Takes what has no form out of a procedure.

    Args:
        prepared: The file, its keys flat; changed in place.

    Yields:
        What was taken out.
    """
    yield from _unknown(prepared, _keys(Procedure), GROUP)
    if not _is_name(prepared.get("name")):
        rule = "must begin with a letter and hold letters, digits and underscores: folders and tags are called after it"
        yield Problem(f"{GROUP}.name", prepared.get("name"), rule, "name: mine")
    yield from _odd_holds(prepared, GROUP)
    for name in [item for item in prepared["stages"] if not _is_name(item)]:
        prepared["stages"].pop(name)
        rule = "a stage's name begins with a letter and holds letters, digits and underscores"
        yield Problem(f"{GROUP}.stages", name, rule, "coarse")
    for name, stage in prepared["stages"].items():
        place = f"{GROUP}.stages.{name}"
        if not isinstance(stage, dict):
            continue
        yield from _unknown(stage, _keys(Stage), place)
        yield from _odd_holds(stage, place)
        if isinstance(stage.get("vary"), dict):
            yield from _odd_values(stage["vary"], f"{place}.vary")
        if isinstance(stage.get("budget"), (int, float, str)):
            amount = stage.pop("budget")
            rule = "is a mapping: how many steps, or which share of the whole run"
            yield Problem(f"{place}.budget", amount, rule, "{steps: 200} or {share: 0.1}")


def _is_name(name: Any) -> bool:
    return isinstance(name, str) and re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name) is not None


def _odd_holds(mapping: dict[str, Any], place: str) -> Iterator[Problem]:
    """A held value follows from the data by the name of one prior."""
    hold = mapping.get("hold")
    if not isinstance(hold, dict):
        return
    for key in [item for item in hold if isinstance(hold[item], dict) and "prior" in hold[item]]:
        if hold[key] not in [{"prior": name} for name in PRIORS]:
            rule = "there is no such prior"
            yield Problem(f"{place}.hold.{key}", hold.pop(key), rule, f"{{prior: NAME}}, one of {', '.join(PRIORS)}")


def _keys(kind: type) -> list[str]:
    return [item.name for item in dataclasses.fields(kind)]


def _unknown(mapping: dict[str, Any], known: Collection[str], place: str) -> Iterator[Problem]:
    for key in [item for item in mapping if item not in known]:
        value = mapping.pop(key)
        yield Problem(f"{place}.{key}", value, "there is no such setting", close(str(key), known))


def _odd_values(vary: dict[str, Any], place: str) -> Iterator[Problem]:
    for key in list(vary):
        if (rule := _wrong(vary[key])) is not None:
            value = vary.pop(key)
            yield Problem(f"{place}.{key}", value, rule, "[1, 2], or {times: [0.5, 1, 2]}")


def _wrong(value: Any) -> str | None:
    """Returns what is wrong with the form of a parameter's values, None where nothing is."""
    if isinstance(value, list):
        return None if value else "at least 1 item to compare, and the list is empty"
    if not isinstance(value, dict):
        return "is one value, and a stage compares several: a list"
    named = [word for word in _VALUES if word in value]
    if not named or set(value) - _VALUES[named[0]]:
        return f"is no list and none of {', '.join(_VALUES)}"
    amounts = [item for word in ("times", "plus") for item in value.get(word, []) if isinstance(value[word], list)]
    if not all(isinstance(item, (int, float)) and math.isfinite(item) for item in amounts):
        return f"{named[0]} takes numbers"
    empty = [word for word in _LISTS & set(value) if not isinstance(value[word], list) or not value[word]]
    return f"{empty[0]} is a list of at least 1 item" if empty else None
