"""What is provoked, and what a careful person sees in the curve that comes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import yaml

from analysis.verdict import Name

HERE = Path(__file__).parent
NAMES = frozenset(get_args(Name))

OF_CLASSES: frozenset[Name] = frozenset({"recall_limited", "precision_limited"})

FINE: frozenset[Name] = frozenset({"learning", "still_improving", *OF_CLASSES})
"""What is also said of a training with which nothing is wrong."""

Set = Literal["tuning", "held_out"]
SETS: tuple[Set, ...] = ("tuning", "held_out")


@dataclass(frozen=True)
class Entry:
    """One training and its verdicts, labelled by what was provoked and by a person's look at the numbers.

    `overrides` are as on the command line of `lora-sweep`. `rows` are the training rows made of the bundled ones
    (`benchmarks.provoked.rows`), none for all of them. `zeroed` begins with both halves of the adapter at zero, as
    after loading a broken one; `lora` are values that the tool refuses, as a dropout of 1. A diagnosis has to find
    `must`, and may besides find `allowed`; `why` says what a person sees.
    """

    name: str
    overrides: tuple[str, ...]
    must: frozenset[Name]
    why: str
    allowed: frozenset[Name] = frozenset()
    rows: Mapping[str, Any] = field(default_factory=dict)
    zeroed: bool = False
    lora: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_odd(self) -> bool:
        """True where its adapter is one that the tool would refuse, or not make: trained alone, by the reference."""
        return self.zeroed or bool(self.lora)

    @property
    def is_healthy(self) -> bool:
        """True where nothing is wrong with the training: which of its classes a model finds is another matter."""
        return self.must - OF_CLASSES == {"learning"} and self.allowed <= FINE


def entries(which: Set) -> list[Entry]:
    """Reads one of the two sets.

    Args:
        which: `tuning`, on which thresholds may be looked at, or `held_out`, on which they may not.

    Raises:
        ValueError: A verdict has no such name, or two entries share theirs.
    """
    found = [_entry(item) for item in yaml.safe_load((HERE / f"{which}.yaml").read_text())]
    if len({entry.name for entry in found}) < len(found):
        raise ValueError(f"{which}.yaml: two entries have the same name")
    return found


def _entry(item: Mapping[str, Any]) -> Entry:
    verdicts = {key: frozenset(item.get(key, ())) for key in ("must", "allowed")}
    unknown = sorted((verdicts["must"] | verdicts["allowed"]) - NAMES)
    if unknown:
        raise ValueError(f"{item['name']}: no such verdict: {', '.join(unknown)}")
    return Entry(**{**item, **verdicts, "overrides": tuple(item.get("overrides", ()))})
