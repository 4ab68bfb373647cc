"""Whether there are rows enough to be grouped by their length."""

from __future__ import annotations

from collections.abc import Iterator

from sweeper.finding import Finding
from sweeper.scene import Scene

_LEAST = 8
"""Steps of rows: transformers sorts a quarter of the rows at a time, in whole steps (`get_length_grouped_indices`)."""


def check(scene: Scene) -> Iterator[Finding]:
    """Warns where each step's rows are sorted among themselves alone: its batches are as they would be without."""
    key, asked = "training.train_sampling_strategy", scene.config.training.train_sampling_strategy
    rows, step = scene.trained_rows, scene.effective_batch
    if asked != "group_by_length" or scene.config.training.packing or rows >= _LEAST * step:
        return
    number = f"{rows:,} rows, {rows / step:.3g} steps of {step}"
    rule = f"rows are sorted by length a quarter at a time: under {_LEAST} steps of rows, nothing is grouped"
    yield Finding("warning", key, asked, number, rule, "transformers 5.23", f"{key}=random")
