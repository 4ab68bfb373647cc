"""How far a sweep is, in numbers: counts, the best so far, speed, time left."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sweeper.decisions import Objective
from sweeper.history import History, Trial

FAILED = ("failed", "diverged", "dead_gradient", "stagnant_evaluation", "out_of_memory")


@dataclass(frozen=True)
class Counts:
    """Trials by where they are."""

    done: int = 0
    running: int = 0
    paused: int = 0
    pruned: int = 0
    failed: int = 0

    def __str__(self) -> str:
        """Returns `9 done · 2 running · …`, what is zero left out but the first two."""
        words = [f"{self.done} done", f"{self.running} running"]
        words += [f"{count} {name}" for name, count in vars(self).items() if name not in {"done", "running"} and count]
        return " · ".join(words)


class Overview:
    """Follows the log; asked at any time."""

    def __init__(
        self,
        history: History,
        total: float,
        objective: Objective,
        belongs: Callable[[Trial], bool] = lambda trial: True,
        *,
        share: Callable[[int, int], float] | None = None,
        limit_s: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begins to follow.

        Args:
            history: What was recorded before, and will be.
            total: The trials asked for.
            objective: What is optimised.
            belongs: Whether a trial is one of this command's.
            share: The trials' worth of steps that a pruner runs of (trials, rungs a trial); None for all of them.
            limit_s: When no further trial starts.
            clock: Seconds.
        """
        self._history, self._total, self._objective, self._belongs = history, total, objective, belongs
        self._share, self._clock = share, clock
        self.running: dict[str, Trial] = {}
        self._steps: dict[str, int] = {}
        self._deadline = math.inf if limit_s is None else clock() + limit_s
        self._began, self._trained = clock(), 0
        self._loading = True  # until the first trial has its model: no part of a worker's speed

    def apply(self, record: Mapping[str, Any], trial: Trial | None) -> None:
        """Follows the sweep's log."""
        if trial is None:
            return
        if record["event"] == "started":
            self.running[trial.id], self._steps[trial.id] = trial, record.get("from_step", 0)
        elif record["event"] == "began" and self._loading:
            self._began, self._loading = self._clock(), False
        elif record["event"] in {"logged", "rung"}:
            self._trained += max(0, record["step"] - self._steps.get(trial.id, 0))
            self._steps[trial.id] = record["step"]
        elif record["event"] in {"paused", "evicted", "lost", "reduced", "ended", "failed"}:
            self.running.pop(trial.id, None)

    def step(self, trial: Trial) -> int:
        """Returns the latest step that a running trial told of."""
        return self._steps.get(trial.id, 0)

    @property
    def trials(self) -> list[Trial]:
        """This command's trials, references aside."""
        return [trial for trial in self._history.contenders if self._belongs(trial)]

    @property
    def counts(self) -> Counts:
        """Counts the trials that can take a place."""
        trials = self.trials
        outcomes = [trial.outcome for trial in trials]
        return Counts(
            done=outcomes.count("complete"),
            running=sum(not trial.is_reference for trial in list(self.running.values())),
            paused=sum(trial.paused for trial in trials),
            pruned=outcomes.count("pruned"),
            failed=sum(outcomes.count(name) for name in FAILED),
        )

    @property
    def best(self) -> tuple[Trial, int, float] | None:
        """Returns the best trial so far with the step and value of its best rung; diverged ones do not count."""
        metric, direction = self._objective.metric, self._objective.direction
        found = [
            (trial, best[0], best[1][metric])
            for trial in self.trials
            if trial.outcome not in FAILED and (best := trial.best(metric, direction)) is not None
        ]
        return min(found, key=lambda item: (self._objective.sign * item[2], item[0].number), default=None)

    @property
    def steps_per_s(self) -> float | None:
        """Returns the steps of all workers per second since the first trial began, None before the first step."""
        elapsed = self._clock() - self._began
        return self._trained / elapsed if self._trained and elapsed > 0 else None

    @property
    def seconds_left(self) -> float | None:
        """Estimates the time to the end from the steps that are left and the limit; None where nothing is known."""
        left = min(self._deadline - self._clock(), self._steps_left_s())
        return None if math.isinf(left) else max(0.0, left)

    def _steps_left_s(self) -> float:
        known = [trial for trial in self.trials if trial.steps]
        speed = self.steps_per_s
        if not known or speed is None or math.isinf(self._total):
            return math.inf
        per_trial = sum(trial.steps or 0 for trial in known) / len(known)
        left = self._worth(known) * per_trial - sum(self._done(trial) for trial in known)
        return left / speed

    def _worth(self, known: list[Trial]) -> float:
        """Returns how many whole trials' steps the sweep will run."""
        if self._share is None:
            # What has been spared already, by a pruner or by stopping early, will not be run.
            return self._total - self._spared(trial for trial in known if trial.outcome is not None)
        rungs = max(math.ceil((trial.steps or 1) / trial.config["training"]["eval_steps"]) for trial in known)
        # The share knows what pruning spares, not who stops early.
        return self._share(int(self._total), rungs) - self._spared(item for item in known if item.outcome == "complete")

    def _spared(self, trials: Iterable[Trial]) -> float:
        return sum(1 - self._done(trial) / (trial.steps or 1) for trial in trials)

    def _done(self, trial: Trial) -> int:
        return max(trial.last_step, self._steps.get(trial.id, 0))
