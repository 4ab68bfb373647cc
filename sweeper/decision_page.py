"""`decisions.md`: what each stage of a procedure decided, why, and the numbers it decided by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from analysis.markdown import escape, table


@dataclass(frozen=True)
class Decided:
    """A stage's reason in one sentence, and what is recorded beside it (`Choice.recorded`; none if it was skipped).

    `why` is what the procedure says of the stage.
    """

    reason: str
    recorded: Mapping[str, Any] = field(default_factory=dict)
    why: str = ""


_COLUMNS = ("realised_gain", "tokens_per_s", "bleed_rate")
"""Numbers of each candidate, besides its value."""


def page(decisions: Mapping[str, Decided], metric: str) -> str:
    """Returns the page as Markdown.

    Args:
        decisions: By stage, in order.
        metric: What the candidates were compared by.
    """
    lines = (line for stage, decided in decisions.items() for line in _stage(stage, decided, metric))
    return "\n".join(["# Decisions", "", *lines])


def _stage(stage: str, decided: Decided, metric: str) -> Iterator[str]:
    yield from (f"## {escape(stage)}", "")
    if decided.why:
        yield from (f"*{escape(decided.why)}*", "")
    yield from (f"{escape(decided.reason)}.", "")
    numbers = decided.recorded.get("numbers", {})
    columns = {metric: numbers.get("values", {}), **{key: numbers[key] for key in _COLUMNS if numbers.get(key)}}
    labels = list(dict.fromkeys(label for values in columns.values() for label in values))
    rows = [
        {"Candidate": label, **{name: _told(item.get(label)) for name, item in columns.items()}} for label in labels
    ]
    if rows:
        yield from (*table(rows), "")
    others = [f"{key} {_told(item)}" for key, item in numbers.items() if isinstance(item, (int, float))]
    others += [f"mean of {level} {_told(mean)}" for level, mean in numbers.get("means", {}).items()]
    if others:
        yield from (f"Numbers: {escape(', '.join(others))}.", "")


def _told(value: Any) -> str:
    """Returns a number; values of maximised metrics are recorded with their sign turned."""
    if value is None:
        return ""
    return f"{abs(value):.6g}" if isinstance(value, (int, float)) else str(value)
