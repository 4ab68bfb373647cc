"""What a rule is given and what it returns: candidates, noise, winners, and the reason in one sentence."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sweeper.candidates import Candidate, Noise


@dataclass(frozen=True)
class Choice:
    """What a rule decided: the winners, the best first, why, and the numbers it decided by.

    `invalid` is True where the comparison itself says nothing.
    """

    winners: tuple[Candidate, ...]
    reason: str
    numbers: dict[str, Any] = field(default_factory=dict)
    invalid: bool = False

    @property
    def recorded(self) -> dict[str, Any]:
        """The decision as it stands in the log."""
        winners = [dict(item.params) for item in self.winners]
        return {"winners": winners, "numbers": self.numbers, "invalid": self.invalid}


@dataclass(frozen=True)
class Comparison:
    """What a rule is given: the candidates in the order the stage lists them, the noise, and how many go on."""

    candidates: tuple[Candidate, ...]
    noise: Noise
    keep: int = 1

    @property
    def valued(self) -> list[Candidate]:
        """The candidates that can be compared, the best first, ties in the listed order."""
        known = [item for item in self.candidates if item.value is not None]
        return sorted(known, key=lambda item: item.value or 0.0)


Rule = Callable[[Comparison, Mapping[str, Any]], Choice]


def choice_of(compared: Comparison, winners: Sequence[Candidate], reason: str, **numbers: Any) -> Choice:
    """Returns a choice whose reason names the noise, and whose numbers name every candidate's value."""
    values = {item.label: item.value for item in compared.candidates}
    return Choice(
        tuple(winners),
        f"{reason}; noise ±{compared.noise}",
        {"values": values, "noise": compared.noise.size, **numbers},
    )


def nothing() -> Choice:
    """Returns the choice of a comparison without values."""
    return Choice((), "no candidate has a value: all failed, diverged or were pruned")


def within(item: Candidate, top: Candidate, noise: Noise) -> bool:
    """True where a candidate lies within the noise of another."""
    return item.value is not None and top.value is not None and item.value - top.value <= noise.size


def in_words(item: Candidate) -> str:
    """Returns a candidate and its value, in words."""
    return f"{item.label} ({abs(item.value or 0.0):.4f})"


def mean(values: Sequence[float | None]) -> float | None:
    """Returns the mean of what is known, None where nothing is."""
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if known else None
