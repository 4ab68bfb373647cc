"""Warm-up that the run is too short for, or that is too short for the run."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from sweeper.finding import Finding
from sweeper.percent import percent
from sweeper.priors import SHORT_RUN, warmup_steps
from sweeper.scene import Scene
from sweeper.schedule_shape import WITHOUT_WARMUP, warmup

KEY, SOURCE = "training.warmup_steps", "001, warmup_steps"

USUAL = (0.01, 0.1)
"""Shares of a run: tuning guide, lr_scheduler_type, "0.01-0.05"; warmup_steps, "0.05-0.10" for large batches."""


def check(scene: Scene) -> Iterator[Finding]:
    """Says what is wrong with the warm-up of schedules that have one."""
    training, steps = scene.config.training, scene.steps
    if training.lr_scheduler_type in WITHOUT_WARMUP or steps < 1:
        return
    warm = warmup(training, scene.whole)
    found = _too_long(scene, warm, steps) or _too_short(scene, warm)
    if found is not None:
        yield found


def _too_long(scene: Scene, warm: int, steps: int) -> Finding | None:
    if 2 * warm <= steps:
        return None
    value, number = scene.config.training.warmup_steps, f"{warm:,} of {steps:,} steps ({percent(warm / steps)})"
    remedy = f"{KEY}={_usual(scene):g}"
    if warm >= scene.whole:
        rule = f"the run ends before training.learning_rate={scene.config.training.learning_rate:g} is reached"
        return Finding("error", KEY, value, number, rule, SOURCE, remedy)
    if 2 * warm <= scene.whole:  # the whole run's is not too long: the pilot is too short
        remedy = f"training.stop_at={2 * warm}"
    return Finding("warning", KEY, value, number, "over half of the run is warm-up", SOURCE, remedy)


def _too_short(scene: Scene, warm: int) -> Finding | None:
    """Holds short runs against the guide's floor in steps, longer ones against its shares."""
    value, share = scene.config.training.warmup_steps, warm / scene.whole
    number, least = f"{warm:,} of {scene.whole:,} steps ({percent(share)})", _usual(scene)
    if scene.whole < SHORT_RUN and warm < least:
        rule = f"runs under {SHORT_RUN} steps warm up for 10 to 25: a share of them is only a few"
        return Finding("warning", KEY, value, number, rule, SOURCE, f"{KEY}={least:g}")
    if scene.whole < SHORT_RUN or USUAL[0] <= share <= USUAL[1]:
        return None
    rule = "the guide would take 3 %, 5 to 10 % at a high rate"
    return Finding("note", KEY, value, number, rule, SOURCE, f"{KEY}=0.03")


def _usual(scene: Scene) -> float:
    """Returns what the guide would take: steps in a short run, else a share of it."""
    return float(warmup_steps(dataclasses.replace(scene.facts, steps=scene.whole))[0])
