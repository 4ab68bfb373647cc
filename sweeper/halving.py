"""Successive halving that pauses and promotes: who goes on depends on the values alone, never on who came first.

Jamieson and Talwalkar 2016 (successive halving), with Li et al. 2020's rungs at `min_resource * reduction_factor**k`.
Where asynchronous ASHA decides at arrival, a trial here pauses at such a rung; once every rival in its bracket has got
there or has ended, the best `ceil(n / reduction_factor)` go on. Rungs are counted in evaluations, from 1.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sweeper.decisions import Decision, Objective, Ruling, saved
from sweeper.history import Trial

UNLIMITED_BRACKET = 27
"""Trials per bracket where only time ends a search: three rounds of thirds, so that winners show up along the way."""


@dataclass(frozen=True)
class Halving:
    """The rule.

    `bracket` is how many trials are compared with each other, by number; None for all of them.
    """

    objective: Objective
    reduction_factor: int = 3
    min_resource: int = 1
    bracket: int | None = None

    def ruling(self, trial: Trial, step: int, value: float) -> Ruling | None:
        """Pauses a trial at the rungs where trials are compared."""
        rung = self._rung(trial)
        if not self._compares_at(rung):
            return None
        name = f"{self.objective.metric} {value:.6g}"
        return Ruling("pause", f"{name} at rung {rung} (step {step}): waits for the others of its bracket")

    def compare(self, trials: Sequence[Trial], exhausted: bool) -> list[tuple[Trial, Decision]]:
        """Decides for every bracket that has come to rest who goes on from its lowest rung, and who is pruned."""
        resting = (members for members in self._brackets(trials) if self._rests(members, exhausted))
        return [judged for members in resting for judged in self._round(members)]

    def _brackets(self, trials: Sequence[Trial]) -> Iterator[list[Trial]]:
        size = self.bracket or math.inf
        ordered = sorted(trials, key=lambda trial: trial.number)
        return (list(group) for _, group in itertools.groupby(ordered, lambda trial: trial.number // size))

    def _rests(self, members: Sequence[Trial], exhausted: bool) -> bool:
        full = exhausted or (self.bracket is not None and len(members) >= self.bracket)
        return full and all(trial.paused or trial.outcome is not None for trial in members)

    def _round(self, members: Sequence[Trial]) -> Iterator[tuple[Trial, Decision]]:
        waiting = [trial for trial in members if trial.paused]
        rung = min(map(self._rung, waiting), default=0)
        rivals = sorted((value, trial.number) for trial in members if (value := self._value(trial, rung)) is not None)
        room = math.ceil(len(rivals) / self.reduction_factor)
        places = {number: place for place, (_, number) in enumerate(rivals, start=1)}
        for trial in waiting:
            if self._rung(trial) == rung:
                yield trial, self._decision(trial, rung, places[trial.number], len(rivals), room)

    def _decision(self, trial: Trial, rung: int, place: int, count: int, room: int) -> Decision:
        where = f"place {place} of {count} at rung {rung} (step {trial.last_step})"
        if place <= room:
            return Decision(f"{where}: the best {room} go on")
        value = dict(self._measured(trial))[rung]
        found = f"{self.objective.metric} {value:.6g}"
        reason = f"halving: {found}, {where}; the best {room} went on{saved(trial, trial.last_step)}"
        return Decision(reason, outcome="pruned")

    def _compares_at(self, rung: int) -> bool:
        level = self.min_resource
        while level < rung:
            level *= self.reduction_factor
        return level == rung

    def _rung(self, trial: Trial) -> int:
        return len(self._measured(trial))

    def _measured(self, trial: Trial) -> list[tuple[int, float]]:
        metric = self.objective.metric
        values = [values[metric] for _, values in trial.rungs if metric in values]
        return list(enumerate(values, start=1))

    def _value(self, trial: Trial, rung: int) -> float | None:
        """Returns what a trial is compared by at a rung, smaller being better; None where it never got there."""
        value = dict(self._measured(trial)).get(rung)
        return None if value is None or not math.isfinite(value) else self.objective.sign * value

    def share(self, trials: int, rungs: int) -> float:
        """Returns the share of the steps that a bracket runs in all.

        Args:
            trials: How many it has.
            rungs: How many evaluations a whole trial has.
        """
        spent, reached = 0, 0
        for level in itertools.chain(self._levels(rungs), [rungs]):
            spent, reached = spent + trials * (level - reached), level
            trials = math.ceil(trials / self.reduction_factor)
        return spent / rungs

    def _levels(self, rungs: int) -> Iterator[int]:
        level = self.min_resource
        while level < rungs:
            yield level
            level *= self.reduction_factor
