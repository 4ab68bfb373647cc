"""What the tuning guide says follows from the data: ranks, dropout, epochs, the warm-up's floor.

Sizes are those of the tuning guide (document 001) unless said otherwise. Where documents disagree the newer, more
specific 001 is the default: document 002 wants a dropout of 0.2, 0.1 and 0.05 at under 5,000, 50,000 and more examples.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Facts:
    """What the priors need to know of the training data: its rows, and how many of them count."""

    rows: int
    effective_rows: int
    steps: int = 0
    metric: str = "eval_loss"
    mean_tokens: float = 0.0


def ranks(facts: Facts) -> list[int]:
    """Returns low, mid and high: half the guide's lower bound, then its bounds (the halves are ours)."""
    for below, values in _RANKS:
        if facts.effective_rows < below:
            return values
    return _MOST_RANKS


def low_rank(facts: Facts) -> list[int]:
    """Returns the lowest of `ranks`: where a learning rate is found most cheaply."""
    return ranks(facts)[:1]


# (examples below which, ranks): 001, r, "Detailed Configuration".
_RANKS = (
    (500, [2, 4, 8]),
    (2_000, [4, 8, 16]),
    (10_000, [8, 16, 32]),
    (50_000, [16, 32, 64]),
    (200_000, [16, 32, 64]),  # 128 only when 64 wins: `higher_rank`
)
_MOST_RANKS = [32, 64, 128]


def higher_rank(facts: Facts) -> list[int]:
    """Returns the rank to try where 64 wins on 50,000 to 200,000 examples ("higher only if you can prove it helps")."""
    return [128] if 50_000 <= facts.effective_rows < 200_000 else []


def dropout(facts: Facts) -> list[float]:
    """Returns 001's start: 0.1 under 1,000 examples, 0.05 up to 50,000 (10,000 to 50,000 is ours), then 0.03."""
    if facts.effective_rows < 1_000:
        return [0.1]
    return [0.05] if facts.effective_rows < 50_000 else [0.03]


def epochs(facts: Facts) -> list[int]:
    """Returns the middle of document 002's ranges: 5-10, 3-7, 3-5, 1-3."""
    for below, value in ((1_000, 7), (5_000, 5), (50_000, 4)):
        if facts.rows < below:
            return [value]
    return [2]


def warmups(facts: Facts) -> list[float]:
    """Returns the warm-ups that 001 compares: shares of the run, or steps for runs under 500."""
    return [0, 10, 25, 50, 100] if facts.steps < 500 else [0.0, 0.01, 0.03, 0.06, 0.1]


PRIORS: Mapping[str, Callable[[Facts], list[Any]]] = {
    "ranks": ranks,
    "low_rank": low_rank,
    "higher_rank": higher_rank,
    "dropout": dropout,
    "epochs": epochs,
    "warmups": warmups,
}
"""The priors by the names that procedures call them."""

OF_SAID: Mapping[str, Callable[[Sequence[Any]], list[Any]]] = {
    "low_rank": lambda values: [min(values)],
    "higher_rank": lambda values: [],
}
"""What becomes of a prior where the command line lists the values itself; any other takes them as they are."""
