"""One row at a time over a 4-bit base: the third thing that went wrong in document 004."""

from __future__ import annotations

import math
from collections.abc import Iterator

from sweeper.finding import Finding
from sweeper.scene import Scene

ENOUGH = 32
"""Rows a step: document 004, Approach 1."""


def check(scene: Scene) -> Iterator[Finding]:
    """Warns of noisy gradients."""
    training = scene.config.training
    micro, steps = training.per_device_train_batch_size, training.gradient_accumulation_steps
    if scene.config.quantization.name != "nf4" or micro > 1 or scene.effective_batch >= ENOUGH:
        return
    yield Finding(
        "warning",
        "training.per_device_train_batch_size",
        micro,
        f"4-bit with micro-batch {micro}: {micro} x {steps} = {scene.effective_batch} rows a step",
        f"noisy gradients; micro-batch 2 or more, and {ENOUGH} rows a step, or 8 bits",
        "004, Critical Issues 3",
        f"training.per_device_train_batch_size=2 training.gradient_accumulation_steps={math.ceil(ENOUGH / 2)}, "
        "or quantization=int8",
    )
