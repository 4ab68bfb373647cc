"""Evaluations that never come, or come too seldom for what waits for them."""

from __future__ import annotations

import math
from collections.abc import Iterator

from sweeper.finding import Finding
from sweeper.scene import Scene

SOURCE = "004, Approach 1 (every quarter of the run)"


def check(scene: Scene) -> Iterator[Finding]:
    """Warns of a run that is evaluated once; it always is at its last step."""
    training, steps = scene.config.training, scene.steps
    if steps < 1:
        return
    count, every = math.ceil(steps / training.eval_steps), max(1, steps // 4)
    if count == 1 and steps > 1:
        never = "is never reached" if training.eval_steps > steps else "is the last step"
        number = f"1 evaluation: step {training.eval_steps:,} {never} of {steps:,}"
        rule = "evaluated at the last step alone: there is no curve, and nothing to prune or stop a trial by"
        yield Finding(
            "warning", "training.eval_steps", training.eval_steps, number, rule, SOURCE, f"training.eval_steps={every}"
        )
    patience = training.early_stopping_patience
    if patience is not None and patience >= count > 1:
        number, rule = f"{patience} of {count} evaluations", "the run ends before this patience can"
        remedy = f"training.early_stopping_patience={max(1, count // 4)}"
        yield Finding("warning", "training.early_stopping_patience", patience, number, rule, "ours", remedy)
