"""How much of the data a run sees: the first thing that went wrong in document 004."""

from __future__ import annotations

import math
from collections.abc import Iterator

from sweeper.finding import Finding
from sweeper.percent import percent
from sweeper.scene import Scene

SOURCE = "004, Critical Issues 1"


def check(scene: Scene) -> Iterator[Finding]:
    """Says steps x effective batch / all rows of the training source; several workers see no more of it in a trial."""
    if not scene.facts.rows or not scene.source_rows:
        return
    seen, training = _seen(scene), scene.config.training
    by_steps = training.max_steps >= 0
    key = "training.max_steps" if by_steps else "training.num_train_epochs"
    value = training.max_steps if by_steps else training.num_train_epochs
    number = f"{percent(seen / scene.source_rows)}: {_told(scene, seen)}"
    if seen >= scene.trained_rows:
        yield Finding("note", key, value, number, "one epoch is the least", SOURCE)
        return
    whole = math.ceil(scene.trained_rows / (seen / scene.steps))
    remedy = f"training.max_steps={whole}" if by_steps else "training.num_train_epochs=1"
    if training.stop_at is not None:
        remedy = "training.stop_at=null, where this is no pilot"
    yield Finding("warning", key, value, number, "below one epoch a part of the rows is never seen", SOURCE, remedy)


def _seen(scene: Scene) -> int:
    """Counts rows, every one as often as it is seen."""
    seen = math.floor(scene.steps * scene.effective_batch * scene.examples_a_row)
    if scene.config.training.max_steps >= 0:
        return seen
    # An epoch's last step may be short of rows.
    return min(seen, math.ceil(scene.trained_rows * scene.config.training.num_train_epochs))


def _told(scene: Scene, seen: int) -> str:
    """Returns the numbers behind the share."""
    about = "about " if scene.config.training.packing else ""
    told = f"{about}{seen:,} of {scene.source_rows:,} rows, {seen / scene.source_rows:.2f} epochs"
    if scene.trained_rows != scene.source_rows:
        told += f"; {seen / scene.trained_rows:.2f} of the {scene.trained_rows:,} trained on"
    if scene.config.training.packing:
        told += "; packed rows are counted by their tokens"
    return told
