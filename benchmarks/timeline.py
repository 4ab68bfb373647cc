"""When things happened in a trial: every way of training it is timed by the same moments."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Timeline:
    """One trial's moments, as `time.perf_counter` gives them.

    Attributes:
        built: Seconds from asking for the trial to its being ready for its first step.
        logged: When a point of the curve was there, by step.
        evaluated: When an evaluation was done, by step.
        losses: The curve: nats per token, by step.
        facts: What the trainer said of the trial.
    """

    built: float = 0.0
    logged: dict[int, float] = field(default_factory=dict)
    evaluated: dict[int, float] = field(default_factory=dict)
    losses: dict[int, float] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def steps(self) -> list[float]:
        """Seconds per step between two points of the curve without an evaluation in between; before the first is none.

        Several values and not one, so that their median leaves out what else the machine did.
        """
        spans = [
            (max(self.logged[step], self.evaluated.get(step, 0.0)), self.logged[later], later - step)
            for step, later in itertools.pairwise(self.logged)
        ]
        evaluated = self.evaluated.values()
        return [(end - begin) / n for begin, end, n in spans if not any(begin < when < end for when in evaluated)]

    @property
    def evaluations(self) -> list[float]:
        """Seconds per evaluation, of all trials that were evaluated together: what is no step, since the last point."""
        step_seconds, found = middle(self.steps), []
        for step, when in self.evaluated.items():
            before = max((other for other in self.logged if self.logged[other] < when), default=None)
            if before is not None:  # trainers.sft evaluates a step before it logs it, the others after
                found.append(when - self.logged[before] - (step - before) * step_seconds)
        return found

    @property
    def last_loss(self) -> float:
        """The curve's last point."""
        return self.losses[max(self.losses)]


def middle(values: Sequence[float]) -> float:
    """Returns the median, NaN of nothing."""
    return statistics.median(values) if values else float("nan")
