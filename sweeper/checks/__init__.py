"""The checks before a run: small pure functions of a scene, a file each; `docs/preflight.md` lists them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sweeper.checks import (
    attention,
    batch,
    bias,
    boundary,
    chat,
    coverage,
    dropout,
    epochs,
    evaluations,
    four_bit,
    gain,
    grouping,
    labels,
    learning_rate,
    length,
    memory,
    model,
    optimizer_state,
    packing,
    positions,
    precision,
    rank,
    rows,
    schedule,
    targets,
    warmup,
)
from sweeper.finding import Finding
from sweeper.scene import Scene

Check = Callable[[Scene], Iterator[Finding]]

CHECKS: tuple[Check, ...] = (
    coverage.check,
    rows.check,
    length.check,
    boundary.check,
    chat.check,
    positions.check,
    packing.check,
    grouping.check,
    labels.check,
    four_bit.check,
    batch.check,
    schedule.check,
    warmup.check,
    learning_rate.check,
    evaluations.check,
    epochs.check,
    gain.check,
    rank.check,
    dropout.check,
    model.check,
    targets.check,
    bias.check,
    optimizer_state.check,
    precision.check,
    attention.check,
    memory.check,
)
"""Every check, in the order in which its findings are told."""
