"""What is known when a stage of a procedure begins."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sweeper.candidates import SEED, Candidate, Noise
from sweeper.comparison import Choice
from sweeper.facts import Facts
from sweeper.procedure import Stage

Params = dict[str, Any]

MEASURING = ("training.probes",)
"""What is measured besides: held in a procedure's trials, and no part of what it settles on."""

_OPEN = re.compile("<(winner|equal_parameters):")


@dataclass(frozen=True)
class Outcome:
    """How a stage ended: its candidates, the choice among them and its noise, or why it was skipped.

    `planned` stands in for all that before anything was run.
    """

    stage: Stage
    candidates: tuple[Candidate, ...] = ()
    choice: Choice | None = None
    skipped: str | None = None
    noise: Noise | None = None
    planned: tuple[Mapping[str, Any], ...] | None = None

    @property
    def winner(self) -> Candidate | None:
        """The first winner, None where there is none."""
        return self.choice.winners[0] if self.choice and self.choice.winners else None


@dataclass(frozen=True)
class Settled:
    """What is known when a stage begins: earlier outcomes, what is held from their winners, and the data's facts.

    `base` is the configuration itself, under dotted names; `equal` is the procedure's.
    """

    outcomes: Mapping[str, Outcome] = field(default_factory=dict)
    held: Mapping[str, Any] = field(default_factory=dict)
    facts: Facts = field(default_factory=lambda: Facts(0, 0))
    base: Mapping[str, Any] = field(default_factory=dict)
    equal: str = "steps"

    def value(self, key: str) -> Any:
        """Returns what a parameter is by now: held, else the configuration's own, as where a stage had no winner."""
        return self.held.get(key, self.base.get(key))

    def after(self, stage: Stage, outcome: Outcome) -> Settled:
        """Returns what is known after a stage: its winner is held where the stage adopts it."""
        adopted = dict(outcome.winner.params) if stage.adopt and outcome.winner is not None else {}
        return self._with(stage, outcome, adopted)

    def after_planned(self, stage: Stage, listed: Sequence[Params]) -> Settled:
        """Returns what a plan knows after a stage: a winner's values stand as `<winner:stage>`.

        A stage that only mends what went wrong leaves what is known: most runs pass it by.
        """
        adopts = stage.adopt and not stage.is_remedy
        keys = dict.fromkeys(key for point in listed for key in point if key != SEED) if adopts else {}
        adopted = dict.fromkeys(keys, f"<winner:{stage.name}>")
        return self._with(stage, Outcome(stage, planned=tuple(listed)), adopted)

    def _with(self, stage: Stage, outcome: Outcome, adopted: Params) -> Settled:
        outcomes = {**self.outcomes, stage.name: outcome}
        return dataclasses.replace(self, outcomes=outcomes, held=laid_over(self.held, adopted))


def laid_over(under: Mapping[str, Any], over: Mapping[str, Any]) -> Params:
    """Returns both, `over` deciding: a mapping replaces what was set inside of it (`…kwargs` and `…kwargs.power`)."""
    kept = {key: value for key, value in under.items() if not any(key.startswith(f"{name}.") for name in over)}
    return {**kept, **over}


def is_open(value: Any) -> bool:
    """True for what depends on a winner that is not known yet."""
    return isinstance(value, str) and _OPEN.search(value) is not None
