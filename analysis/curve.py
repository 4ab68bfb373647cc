"""A training curve, whoever recorded it: what diagnosis looks at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Point = tuple[int, float]
"""An optimizer step and a value."""

Points = tuple[Point, ...]


@dataclass(frozen=True)
class Curve:
    """One run's curves, each in the order of its steps.

    `losses`, `learning_rates` and `grad_norms` are the points logged while it trained, the norm as it was before
    clipping; `evals` are the evaluations of `eval_loss`, in nats per token. `measured` are all other metrics of the
    evaluations under their own names, as `token_accuracy` or `eval_macro_f1`. `steps` is how many the run was to have,
    None where that is not known; `outcome` is how it ended, as the leaderboard calls it.
    """

    losses: Points = ()
    evals: Points = ()
    learning_rates: Points = ()
    grad_norms: Points = ()
    measured: Mapping[str, Points] = field(default_factory=dict)
    steps: int | None = None
    outcome: str = "complete"
