"""The guide's priors beside what a command has: said, never applied."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sweeper.facts import Facts
from sweeper.priors import PRIORS

# The prior of each parameter that has one.
_PRIORS = {
    "lora.r": "ranks",
    "lora.dropout": "dropout",
    "training.num_train_epochs": "epochs",
    "training.warmup_steps": "warmup_steps",
    "training.max_length": "max_length",
    "training.packing": "packing",
}


@dataclass(frozen=True)
class Note:
    """What a document would take for `key` and `why`, and what is `in_use`.

    `value` is a list where the document would try several; `source` is the document and its section; `by` is what
    decides instead of the key itself; `is_varied` is True where the command tries values of its own.
    """

    key: str
    value: Any
    why: str
    in_use: Any
    source: str
    by: str = ""
    is_varied: bool = False

    @property
    def fits(self) -> bool:
        """True where the value in use is what the document would take, or one of those."""
        return self.in_use in (self.value if isinstance(self.value, list) else [self.value])

    @property
    def text(self) -> str:
        """What the document would take, from what, and what is in use."""
        if self.is_varied:
            return f"{self.why}; varied here"
        if self.fits:
            return f"{self.why}; {'so it is here' if not isinstance(self.value, list) else f'{self.in_use} here'}"
        return f"{self.why}; held at {str(self.in_use).lower()}{self.by and f' by {self.by}'}"


def notes(facts: Facts, in_use: Mapping[str, Any], varied: Collection[str] = ()) -> list[Note]:
    """Compares the priors with a configuration.

    Args:
        facts: Of the training data.
        in_use: The configuration, under dotted names.
        varied: The keys that the command varies.

    Returns:
        A note per parameter that has a prior; none where there are no data.
    """
    return list(_notes(facts, in_use, varied)) if facts.rows else []


def _notes(facts: Facts, in_use: Mapping[str, Any], varied: Collection[str]) -> Iterator[Note]:
    for key, name in _PRIORS.items():
        prior = PRIORS[name]
        if values := prior(facts):
            value = values if len(values) > 1 else values[0]
            held, by = _held(key, facts, in_use)
            yield Note(key, value, prior.why(facts), held, prior.source, by, is_varied=key in varied)


def _held(key: str, facts: Facts, in_use: Mapping[str, Any]) -> tuple[Any, str]:
    """Returns what is in use, and what decides it where that is another key: steps decide the epochs."""
    steps = in_use["training.max_steps"]
    if key != "training.num_train_epochs" or steps < 0:
        return in_use[key], ""
    batch = in_use["training.per_device_train_batch_size"] * in_use["training.gradient_accumulation_steps"]
    return round(steps / math.ceil(facts.rows / batch), 2), f"training.max_steps={steps}"
