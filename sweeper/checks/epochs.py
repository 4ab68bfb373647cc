"""Epochs against the size of the data."""

from __future__ import annotations

import math
from collections.abc import Iterator

from sweeper.finding import Finding
from sweeper.scene import Scene

RANGES = ((1_000, (5, 10)), (5_000, (3, 7)), (50_000, (3, 5)))
MOST_ROWS = (1, 3)
"""Rows below which, epochs from and to: document 002, Number of Epochs."""


def check(scene: Scene) -> Iterator[Finding]:
    """Says where the epochs lie outside document 002's; more of them than that is a warning: they are learnt by heart.

    Less than one is the check of coverage's.
    """
    training, rows = scene.config.training, scene.facts.rows
    if not rows or training.packing:  # packed rows are counted by tokens: coverage says so
        return
    epochs = scene.steps / math.ceil(scene.trained_rows / scene.effective_batch)
    low, high = next((found for below, found in RANGES if rows < below), MOST_ROWS)
    if low <= epochs <= high or epochs < 1:
        return
    by_steps = training.max_steps >= 0
    key = "training.max_steps" if by_steps else "training.num_train_epochs"
    middle = (low + high) // 2
    steps = middle * math.ceil(scene.trained_rows / scene.effective_batch)
    yield Finding(
        "warning" if epochs > high else "note",
        key,
        training.max_steps if by_steps else training.num_train_epochs,
        f"{epochs:.2f} epochs of {scene.trained_rows:,} rows",
        f"document 002 takes {low} to {high} at {rows:,} rows",
        "002, Number of Epochs",
        f"{key}={steps if by_steps else middle}",
    )
