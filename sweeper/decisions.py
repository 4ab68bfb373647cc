"""What happens to a trial at a rung: pure functions of what was recorded."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, Protocol

from sweeper.history import Direction, Trial, Values, best_rung


@dataclass(frozen=True)
class Objective:
    """What a sweep optimises."""

    metric: str
    direction: Direction


@dataclass(frozen=True)
class Decision:
    """What a trial is told at a rung, and why.

    `outcome` is set where the trial ends here; `keep` tells it to keep its adapter as it is now.
    """

    reason: str
    outcome: Literal["complete", "pruned", "diverged"] | None = None
    keep: bool = False


class Pruner(Protocol):
    """Compares a trial with the others at a rung."""

    def verdict(self, trial: Trial, step: int, value: float) -> str | None:
        """Returns why the trial should stop here, or None to let it go on."""
        ...


def decide(trial: Trial, step: int, values: Values, objective: Objective, pruner: Pruner) -> Decision:
    """Decides what a trial does after a rung.

    Args:
        trial: The trial, this rung already recorded.
        step: The rung's step.
        values: What was measured there.
        objective: What the sweep optimises.
        pruner: Compares the trial with the others.

    Returns:
        The decision. A value that is not finite ends the trial as diverged; the last step completes it.
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
    why = None if trial.is_reference else pruner.verdict(trial, step, values[objective.metric])
    if why is not None:
        return Decision(why, outcome="pruned", keep=keep)
    return Decision(f"{objective.metric} {values[objective.metric]:.6g} at step {step}", keep=keep)


def _without_objective(trial: Trial, step: int, objective: Objective) -> Decision:
    if trial.steps is not None and step >= trial.steps:
        return Decision(f"all {trial.steps} steps done, {objective.metric} never measured", outcome="complete")
    return Decision(f"{objective.metric} not measured at step {step}")
