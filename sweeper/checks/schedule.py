"""Where the learning rate really is: document 004 took a cosine for dead that stood at 65 % of its peak."""

from __future__ import annotations

import math
from collections.abc import Iterator

from sweeper.finding import Finding
from sweeper.percent import percent
from sweeper.scene import Scene
from sweeper.schedule_shape import ImpossibleScheduleError, shape, warmup

KEY, SOURCE = "training.lr_scheduler_type", "004, Critical Issues 2; computed from the schedule"

EXHAUSTED = 0.01
"""The share of its peak under which a learning rate counts as used up (issue; ours)."""

MANY = 0.1
"""Share of the steps: a half cosine to 0 has 6 % of them under 1 % of its peak, a line 1 % (ours)."""

LOOKED_AT = 0.4
"""The share of the run at which the rate is said: step 200 of document 004's 500."""


MOST_STEPS = 20_000
"""Steps, evenly spaced, that are looked at of a longer run: the share is then known to a hundredth of a percent."""


def check(scene: Scene) -> Iterator[Finding]:
    """Says how many steps have next to no learning rate, and where it stands at 40 % of the run."""
    name = scene.config.training.lr_scheduler_type
    if scene.whole < 1:
        return
    try:
        stride = math.ceil(scene.steps / MOST_STEPS)
        factors = shape(scene.config.training, scene.whole, scene.steps, stride)
    except ImpossibleScheduleError as error:
        remedy = f"{KEY}=linear 'training.lr_scheduler_kwargs={{}}'"
        yield Finding("error", KEY, name, "no schedule can be made", str(error), "transformers 5.23", remedy)
        return
    if factors is None:
        yield Finding("note", KEY, name, "follows what is measured", "not known before the run", "ours")
    elif name != "range_test":  # which begins near 0 to find out where learning begins
        yield _judged(scene, factors, stride)


def _judged(scene: Scene, factors: list[float], stride: int) -> Finding:
    share = sum(factor < EXHAUSTED for factor in factors) / len(factors)
    low, place = round(share * scene.steps), int(LOOKED_AT * len(factors))
    of = f"{scene.steps:,}" + ("" if scene.steps == scene.whole else f" (of a schedule for {scene.whole:,})")
    at = f"{factors[place]:.0%}".replace("%", " %")
    number = f"{at} of its peak at step {place * stride:,} of {of}; {low:,} steps ({percent(share)}) under 1 %"
    late = factors[math.ceil(warmup(scene.config.training, scene.whole) / stride) :]  # warm-up is a check of its own
    name, rule = scene.config.training.lr_scheduler_type, "steps under 1 % of the peak teach next to nothing"
    if sum(factor < EXHAUSTED for factor in late) <= MANY * len(factors):
        return Finding("note", KEY, name, number, rule, SOURCE)
    remedy = f"{KEY}=cosine_with_min_lr +training.lr_scheduler_kwargs.min_lr_rate=0.1"
    return Finding("warning", KEY, name, number, rule, f"{SOURCE}; remedy: 001, lr_scheduler_type", remedy)
