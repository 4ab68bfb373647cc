"""Sweeps side by side: what they asked, what came of it, and whether their values mean the same."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analysis.across import differences
from analysis.configuration import SEED
from analysis.markdown import escape, table
from analysis.sides import Side, SideFact, facts, winner_params


@dataclass(frozen=True)
class Fact:
    """One row: its key, what it is called, its value for each sweep, None where it is not known.

    `told` are the values in words; `is_basis` says that it has to do with what the values mean.
    """

    key: str
    label: str
    values: tuple[Any, ...]
    told: tuple[str, ...]
    is_basis: bool = False

    @property
    def agrees(self) -> str:
        """`same` or `differs`; `unknown` where a sweep does not say; empty for what is no basis."""
        if not self.is_basis:
            return ""
        if any(value is None for value in self.values):
            return "unknown"
        return "same" if len(set(map(str, self.values))) == 1 else "differs"


@dataclass(frozen=True)
class Comparison:
    """Sweeps by name, their facts, and why they cannot be ranked together; nothing where they can."""

    sweeps: tuple[str, ...]
    facts: tuple[Fact, ...]
    reasons: tuple[str, ...]


def compared(sides: Sequence[Side]) -> Comparison:
    """Sets sweeps side by side.

    Args:
        sides: Two or more, each with another name.

    Returns:
        What they are and found, in the order in which a reader asks. Of the winners' parameters and the versions those
        are there that differ.
    """
    found = [facts(side) for side in sides]
    rows = [Fact(item.key, _label(found, item.key), *_across(found, item.key), item.is_basis) for item in found[0]]
    rows += [*_differing(sides), *_versions(sides)]
    names = tuple(side.sweep.records.name for side in sides)
    reasons = tuple(map(str, differences([side.sweep.records for side in sides])))
    return Comparison(names, tuple(rows), reasons)


def _label(found: Sequence[Sequence[SideFact]], key: str) -> str:
    """Returns what a row is called by all; where their metrics differ, the row of the best values names none."""
    labels = {item.label for one in found for item in one if item.key == key}
    return labels.pop() if len(labels) == 1 else f"{key} value"


def _across(found: Sequence[Sequence[Any]], key: str) -> tuple[tuple[Any, ...], tuple[str, ...]]:
    items = [item for one in found for item in one if item.key == key]
    return tuple(item.value for item in items), tuple(item.told for item in items)


def _differing(sides: Sequence[Side]) -> Iterator[Fact]:
    """Yields the winners' parameters that are known to differ, or were swept and may; a seed is no choice."""
    params = [winner_params(side) for side in sides]
    swept = {key for side in sides for trial in side.trials for key in trial.swept}
    for key in dict.fromkeys(key for one in params for key in one if key != SEED):
        values = tuple(one.get(key) for one in params)
        known = {str(one[key]) for one in params if key in one}
        if len(known) > 1 or (key in swept and None in values):
            yield Fact(key, f"winner's {key}", values, tuple(map(_word, values)))


def _versions(sides: Sequence[Side]) -> Iterator[Fact]:
    versions = [side.versions for side in sides]
    for package in dict.fromkeys(key for one in versions for key in one):
        values = tuple(one.get(package) for one in versions)
        if len(set(values)) > 1:
            yield Fact(f"versions.{package}", f"version of {package}", values, tuple(map(_word, values)))


def _word(value: Any) -> str:
    if value is None:
        return "not known"
    if isinstance(value, float):
        return f"{value:.6g}"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def to_markdown(found: Comparison) -> str:
    """Returns a table with a column for each sweep, and whether they can be ranked together."""
    names = [escape(name) for name in found.sweeps]
    rows = [{"": fact.label, **dict(zip(names, fact.told, strict=True)), "Agree": fact.agrees} for fact in found.facts]
    return "\n".join([f"# {' and '.join(names)}", "", *table(rows), "", *_sentence(found)]) + "\n"


def _sentence(found: Comparison) -> Iterator[str]:
    if not found.reasons:
        command = f"lora-report leaderboard {' '.join(found.sweeps)}"
        yield f"They can be ranked together, as metric, data and tokenizer agree: `{command}`"
        return
    yield "They cannot be ranked together: their values do not mean the same, or nobody knows whether they do."
    yield ""
    yield from (f"- {escape(reason)}" for reason in found.reasons)


def to_json(found: Comparison) -> str:
    """Returns `{"sweeps", "can_be_ranked_together", "reasons", "facts"}`; a fact has a value for each sweep."""
    listed = [{"key": fact.key, **_valued(found, fact), "agree": fact.agrees or None} for fact in found.facts]
    page = {
        "sweeps": found.sweeps,
        "can_be_ranked_together": not found.reasons,
        "reasons": found.reasons,
        "facts": listed,
    }
    return json.dumps(page, indent=2, default=str)


def _valued(found: Comparison, fact: Fact) -> Mapping[str, Any]:
    return {"values": dict(zip(found.sweeps, fact.values, strict=True))}
