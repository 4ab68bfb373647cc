"""Findings of many trials told as few: equal ones once, with the values they hold for."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sweeper.finding import Finding

_ORDER = ("error", "warning", "note")

MOST_ALIKE = 3
"""Findings of one key and rule that are told each by itself; of more, the first is, with the number of the others."""


@dataclass(frozen=True)
class Found:
    """A finding, and the number of the trial that it is about; None for one about the whole command."""

    finding: Finding
    trial: int | None = None


def merged(found: Sequence[Found], total: int) -> list[Finding]:
    """Returns findings, errors first, else in the order in which they were found.

    Args:
        found: What was found of each trial.
        total: How many trials there are; 0 where that is not known.
    """
    alike: dict[Any, list[Found]] = {}
    for item in found:
        alike.setdefault(_same(item.finding), []).append(item)
    told = [_told(items, total) for items in _few(list(alike.values()))]
    return sorted(told, key=lambda finding: _ORDER.index(finding.severity))


def _same(finding: Finding) -> Any:
    """Returns what is the same in findings that differ in the value alone."""
    return finding.severity, finding.key, finding.number, finding.rule, finding.source, finding.remedy


def _few(groups: list[list[Found]]) -> list[list[Found]]:
    """Gathers groups that say much the same with other numbers, where they are many."""
    kinds: dict[Any, list[list[Found]]] = {}
    for group in groups:
        first = group[0].finding
        kinds.setdefault((first.severity, first.key, first.source), []).append(group)
    few = [kind if len(kind) <= MOST_ALIKE else [list(itertools.chain(*kind))] for kind in kinds.values()]
    return [group for kind in few for group in kind]


def _told(items: Sequence[Found], total: int) -> Finding:
    first = items[0].finding
    trials = {item.trial for item in items}
    values = list(dict.fromkeys(str(item.finding.value) for item in items))
    numbers = len({item.finding.number for item in items})
    number = first.number + (f", and {numbers - 1} more like it" if numbers > 1 else "")
    if None not in trials and 0 < len(trials) < total:
        number += f" ({len(trials)} of {total} trials)"
    value = first.value if len(values) == 1 else ",".join(values)
    return dataclasses.replace(first, value=value, number=number)
