"""What the tuning guide says follows from the data: ranks, dropout, epochs, warm-up, length, packing.

Sizes are those of the tuning guide (document 001) unless said otherwise. Where documents disagree the newer, more
specific 001 is the default: document 002 wants a dropout of 0.2, 0.1 and 0.05 at under 5,000, 50,000 and more examples.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sweeper.facts import Facts


@dataclass(frozen=True)
class Prior:
    """A prior: `values` of the facts, the `numbers` they follow from, where a document says so, what of it is ours."""

    values: Callable[[Facts], list[Any]]
    numbers: Callable[[Facts], str]
    source: str
    ours: str | None = None

    def __call__(self, facts: Facts) -> list[Any]:
        """Returns the values, none where the data say nothing."""
        return self.values(facts)

    def rule(self, facts: Facts) -> str:
        """Returns whose prior it is, its values, and what of them is ours."""
        whose = "the guide" if self.source.startswith("001") else f"document {self.source.partition(',')[0]}"
        values = ", ".join(str(value).lower() for value in self.values(facts))
        return f"{whose} would take {values}" + ("" if self.ours is None else f" ({self.ours})")


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


SHORT_RUN = 500
"""Optimizer steps below which 001 counts warm-up in steps: a share "may be only a couple steps"."""


def warmup_steps(facts: Facts) -> list[float]:
    """Returns 3 % of the run, in short runs at least 10 steps: the low end of 001's "integer floor like 10-25 steps".

    At 500 steps 3 % are 15, so the floor needs no other step (ours); nor does it ever take more than half a run (ours).
    """
    if not 0 < facts.steps < SHORT_RUN:
        return [0.03]
    return [min(max(10, math.ceil(0.03 * facts.steps)), facts.steps // 2)]


def warmups(facts: Facts) -> list[float]:
    """Returns 001's sweep: shares of the run, or steps in short runs, as many as end within it."""
    if not 0 < facts.steps < SHORT_RUN:
        return [0.0, 0.01, 0.03, 0.06, 0.1]
    return [steps for steps in (0, 10, 25, 50, 100) if steps < facts.steps]


_LENGTHS = (128, 256, 512, 1024, 2048, 4096)
"""002 has 128 for short texts, 512 for paragraphs, 1024 for articles, 2048 for papers, 256 in recipes; 4096 is ours."""


def max_length(facts: Facts) -> list[int]:
    """Returns the smallest length that cuts one example of a hundred at most (the hundredth is ours), else 4096."""
    if facts.tokens is None:
        return []
    longest = facts.tokens.p99
    return [next((length for length in _LENGTHS if length >= longest), _LENGTHS[-1])]


def packing(facts: Facts) -> list[bool]:
    """Returns True where half the examples are shorter than a quarter of `max_length`.

    001 has packing on where "many" are under 25-50 % of it, and off where they are near it; off in between is ours.
    """
    if facts.tokens is None:
        return []
    return [facts.tokens.p50 < 0.25 * max_length(facts)[0]]


def _size(facts: Facts) -> str:
    about = "" if facts.exact else "about "
    return f"{facts.rows:,} examples, {about}{facts.effective_rows:,} of them different"


def _rows(facts: Facts) -> str:
    return f"{facts.rows:,} examples"


def _steps(facts: Facts) -> str:
    return f"{facts.steps:,} optimizer steps"


def _longest(facts: Facts) -> str:
    return "" if facts.tokens is None else f"99% of the examples have at most {facts.tokens.p99:,} tokens"


def _usual(facts: Facts) -> str:
    if facts.tokens is None:
        return ""
    return f"half the examples have at most {facts.tokens.p50:,} of {max_length(facts)[0]:,} tokens"


PRIORS: Mapping[str, Prior] = {
    "ranks": Prior(ranks, _size, "001, r", "the lowest is ours"),
    "low_rank": Prior(low_rank, _size, "001, r"),
    "higher_rank": Prior(higher_rank, _size, "001, r"),
    "dropout": Prior(dropout, _size, "001, lora_dropout"),
    "epochs": Prior(epochs, _rows, "002"),
    "warmup_steps": Prior(warmup_steps, _steps, "001, warmup_steps"),
    "warmups": Prior(warmups, _steps, "001, warmup_steps"),
    "max_length": Prior(max_length, _longest, "002, max_length"),
    "packing": Prior(packing, _usual, "001, packing"),
}
"""The priors by the names that procedures call them."""


def named(value: Any) -> str | None:
    """Returns the prior that a held value asks for, as `{prior: dropout}` does; None for any other value."""
    return value["prior"] if isinstance(value, dict) and set(value) == {"prior"} else None


OF_SAID: Mapping[str, Callable[[Sequence[Any]], list[Any]]] = {
    "low_rank": lambda values: [min(values)],
    "higher_rank": lambda values: [],
}
"""What becomes of a prior where the command line lists the values itself; any other takes them as they are."""
