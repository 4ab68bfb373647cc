"""Rows of an optimizer step."""

from __future__ import annotations

import math
from collections.abc import Iterator

from sweeper.finding import Finding, Severity
from sweeper.scene import Scene

START, MOST = 16, 64
"""Tuning guide, gradient_accumulation_steps: start at about 16; "a common target is 16-64 sequences"."""

VERY_SMALL, VERY_LARGE = 2, 256
"""Beyond them it is a warning: document 002's smallest recipe has 2, four times the guide's most is ours."""


def check(scene: Scene) -> Iterator[Finding]:
    """Says the effective batch where it lies outside the guide's range."""
    rows, training = round(scene.effective_batch * scene.examples_a_row), scene.config.training
    if START <= rows <= MOST:
        return
    micro, accumulated = training.per_device_train_batch_size, training.gradient_accumulation_steps
    severity: Severity = "warning" if not VERY_SMALL <= rows <= VERY_LARGE else "note"
    effect = "smaller ones are noisy" if rows < START else "larger ones leave few updates"
    remedy = f"training.gradient_accumulation_steps={math.ceil(START / micro)}"
    if micro > MOST:
        remedy = f"training.per_device_train_batch_size={START} training.gradient_accumulation_steps=1"
    key, value = "training.gradient_accumulation_steps", accumulated
    if accumulated == 1:
        key, value = "training.per_device_train_batch_size", micro
    packed = f" packed rows, about {rows} examples" if training.packing else f" = {rows} rows"
    yield Finding(
        severity,
        key,
        value,
        f"{micro} x {accumulated}{packed} a step",
        f"the guide starts at about {START} and goes to {MOST}; {effect}",
        "001, gradient_accumulation_steps",
        remedy,
    )
