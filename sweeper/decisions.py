"""What happens to a trial at a rung: pure functions of what was recorded."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from analysis.verdict import Name, Verdict
from sweeper.history import Direction, Trial, Values, best_rung
from trainers.seam import Outcome


@dataclass(frozen=True)
class Objective:
    """What a sweep optimises."""

    metric: str
    direction: Direction

    @property
    def sign(self) -> int:
        """What makes a smaller value the better one."""
        return 1 if self.direction == "minimize" else -1


@dataclass(frozen=True)
class Decision:
    """What a trial is told at a rung, and why.

    `outcome` is set where the trial ends here; `pause` makes room for others until it can be compared with them; `keep`
    tells it to keep its adapter as it is now.
    """

    reason: str
    outcome: Outcome | None = None
    keep: bool = False
    pause: bool = False


@dataclass(frozen=True)
class Ruling:
    """What a pruner says of a trial that should not simply go on."""

    action: Literal["prune", "pause"]
    reason: str


class Pruner(Protocol):
    """Compares trials at rungs."""

    def ruling(self, trial: Trial, step: int, value: float) -> Ruling | None:
        """Judges a trial that has reached a rung; None lets it go on."""
        ...

    def compare(self, trials: Sequence[Trial], exhausted: bool) -> list[tuple[Trial, Decision]]:
        """Judges paused trials.

        Args:
            trials: Every trial that can take a place.
            exhausted: True when no further trial will be proposed.

        Returns:
            A decision for each paused trial whose rivals have all got as far, in the order of their numbers.
        """
        ...


Alarms = Callable[[Trial], Verdict | None]
"""Judges a trial's own curve at a rung; None lets it go on."""


_ENDS: Mapping[Name, Outcome] = {
    "diverged": "diverged",
    "dead_gradient": "dead_gradient",
    "stagnant_evaluation": "stagnant_evaluation",
}
"""The outcome of a trial that an alarm stops: the verdict's own name."""


def silent(trial: Trial) -> Verdict | None:
    """Stops nobody."""
    return None


def decide(
    trial: Trial, step: int, values: Values, objective: Objective, pruner: Pruner, *, alarms: Alarms = silent
) -> Decision:
    """Decides what a trial does after a rung.

    Args:
        trial: The trial, this rung already recorded.
        step: The rung's step.
        values: What was measured there.
        objective: What the sweep optimises.
        pruner: Compares the trial with the others.
        alarms: Looks at the trial alone.

    Returns:
        The decision. A value that is not finite ends the trial as diverged; the last step completes it, and so does
        its own patience; before that, an alarm stops it.
    """
    broken = sorted(name for name, value in values.items() if not math.isfinite(value))
    if broken:
        return Decision(f"{', '.join(broken)} not finite at step {step}", outcome="diverged")
    if objective.metric not in values:
        return _without_objective(trial, step, objective)
    best = best_rung(trial.rungs, objective.metric, objective.direction)
    keep = best is not None and best[0] == step
    if trial.steps is not None and step >= trial.steps:
        return Decision(f"all {trial.steps} steps done", outcome="complete", keep=keep)
    compared = _before_the_end(trial, step, values[objective.metric], objective, pruner)
    if compared.outcome != "complete" and (alarm := alarms(trial)) is not None:
        compared = Decision(f"alarm: {alarm.evidence}{saved(trial, step)}", _ENDS[alarm.name])
    return dataclasses.replace(compared, keep=keep)


def _before_the_end(trial: Trial, step: int, value: float, objective: Objective, pruner: Pruner) -> Decision:
    # Asked also of a trial that stops early: what it reached here counts when others are compared.
    ruling = None if trial.is_reference else pruner.ruling(trial, step, value)
    if (reason := _out_of_patience(trial, step, objective)) is not None:
        return Decision(reason, outcome="complete")
    if ruling is None:
        return Decision(f"{objective.metric} {value:.6g} at step {step}")
    return Decision(ruling.reason, pause=True) if ruling.action == "pause" else Decision(ruling.reason, "pruned")


def _out_of_patience(trial: Trial, step: int, objective: Objective) -> str | None:
    """Says that a trial stops early, None where it does not: the rule of transformers' EarlyStoppingCallback.

    That many evaluations in a row were no better than the best before them.
    """
    patience = trial.config.get("training", {}).get("early_stopping_patience")
    best = best_rung(trial.rungs, objective.metric, objective.direction)
    if patience is None or best is None:
        return None
    waited = sum(objective.metric in values for at, values in trial.rungs if at > best[0])
    if waited < patience:
        return None
    evaluations = "1 evaluation" if waited == 1 else f"{waited} evaluations"
    where = f"step {step}" if trial.steps is None else f"step {step} of {trial.steps}"
    return f"no better {objective.metric} for {evaluations}: stopped early at {where}"


def _without_objective(trial: Trial, step: int, objective: Objective) -> Decision:
    if trial.steps is not None and step >= trial.steps:
        return Decision(f"all {trial.steps} steps done, {objective.metric} never measured", outcome="complete")
    return Decision(f"{objective.metric} not measured at step {step}")


def saved(trial: Trial, step: int) -> str:
    """Says what stopping a trial at a step spares: `; 150 of 200 steps saved`."""
    return f"; {trial.steps - step} of {trial.steps} steps saved" if trial.steps else ""
