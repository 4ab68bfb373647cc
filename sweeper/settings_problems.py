"""What is wrong with the settings of a command: those that say how a sweep is run, and with what."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator

from analysis.metric_directions import direction
from sweeper import files
from sweeper.executors.devices import visible_gpus
from sweeper.settings import (
    MEASURED,
    OWN_PRUNERS,
    OWN_SAMPLERS,
    Executor,
    HalvingSettings,
    PrunerSettings,
    Sampler,
    Settings,
)
from sweeper.space import Choices, Space
from sweeper.validation import Problem, build
from trainers.label_names import CLASS_METRICS, is_of_a_class
from trainers.trial import TrialConfig

MOST_UNPRUNED = 8
"""Sampled trials that `pruner=auto` runs to their end (architecture, rungs: "with eight trials or fewer, nothing")."""


def settings_problems(settings: Settings, space: Space, example: TrialConfig | None) -> Iterator[Problem]:
    """Finds what is wrong with validated settings.

    Args:
        settings: How the sweep is to be run.
        space: What it varies.
        example: One of its trials, None where none composes.
    """
    if settings.trainer.name == "replay":
        yield from files.table_problems(settings.replay.table, settings.sweep.metric, example)
    elif not _is_measured(settings.sweep.metric):
        yield Problem(
            "sweep.metric",
            settings.sweep.metric,
            f"measured are {', '.join([*MEASURED, *(f'{name}/LABEL' for name in CLASS_METRICS)])}",
            f"sweep.metric={_metric_like(settings.sweep.metric)}",
        )
    yield from _choice_problems(settings, space)
    yield from missing_devices(settings.executor)
    if not settings.sweep.dry_run:
        from sweeper import reach  # brings SQLAlchemy along

        yield from reach.problems(settings)
    metric = settings.sweep.metric
    unknown = settings.trainer.name != "replay" and not _is_measured(metric)
    if settings.sweep.direction is None and direction(metric) is None and not unknown:
        rule = f"whether more {metric} is better is not known"
        yield Problem("sweep.direction", None, rule, "sweep.direction=maximize, or sweep.direction=minimize")
    intervals = [axis.key for axis in space.axes if not isinstance(axis, Choices)]
    if settings.sampler.name == "grid" and intervals:
        rule = f"a grid needs lists, and {intervals[0]} is an interval"
        yield Problem("sampler", "grid", rule, "sampler=tpe sweep.n_trials=20")
    elif settings.sampler.name == "grid" and (settings.sweep.n_trials or math.inf) < space.size:
        rule = f"the grid has {space.size:g} points, and a grid is tried as a whole"
        yield Problem("sweep.n_trials", settings.sweep.n_trials, rule, "leave it out, or sampler=random")
    elif not is_grid(settings, space) and settings.sweep.n_trials is None and settings.sweep.limit_s is None:
        rule = "a sampler needs to know how many trials to draw, or for how long"
        yield Problem("sweep.n_trials", None, rule, "sweep.n_trials=20, or sweep.max_hours=8")


def named(chosen: Sampler | PrunerSettings) -> str:
    """Returns a sampler's or pruner's name, its class's where it has none."""
    return chosen.name if chosen.name != "auto" else str(chosen.target).rpartition(".")[2]


def _is_measured(metric: str) -> bool:
    return metric in MEASURED or is_of_a_class(metric)


def _metric_like(name: str) -> str:
    """Returns the metric that was probably meant: `accuracy` is `eval_accuracy`."""
    ends = [known for known in MEASURED if known == f"eval_{name}"] or [
        item for item in MEASURED if item.endswith(name)
    ]
    return next(iter([*ends, *difflib.get_close_matches(name, MEASURED, n=1, cutoff=0.4), "eval_loss"]))


def _choice_problems(settings: Settings, space: Space) -> Iterator[Problem]:
    """Finds samplers and pruners that are not ours and name no class, or whose arguments do not fit."""
    for group, known, chosen in (("sampler", OWN_SAMPLERS, settings.sampler), ("pruner", OWN_PRUNERS, settings.pruner)):
        if chosen.target is None and chosen.name not in known:
            rule = f"without a _target_ the name is one of {', '.join(known)}"
            yield Problem(f"{group}.name", chosen.name, rule, f"{group}={chosen.name}")
    if settings.pruner.name == "halving":
        yield from build(HalvingSettings, settings.pruner.kwargs, "pruner.kwargs.")[1]
    if settings.sampler.target or settings.pruner.target:
        from sweeper import instantiation  # brings Optuna along

        yield from instantiation.problems(settings, space)


def halves(settings: Settings, is_grid: bool, total: float) -> bool:
    """True where trials pause and are promoted."""
    if settings.pruner.target is not None:
        return False
    return settings.pruner.name == "halving" or (
        settings.pruner.name == "auto" and not is_grid and total > MOST_UNPRUNED
    )


def missing_devices(executor: Executor) -> Iterator[Problem]:
    """Finds GPUs by numbers that this machine does not show."""
    if not isinstance(executor.devices, list):
        return
    count = len(visible_gpus())
    absent = [index for index in executor.devices if not 0 <= index < count]
    if absent or not executor.devices:
        rule = f"this machine shows {count} GPU{'' if count == 1 else 's'}, counted from 0"
        yield Problem("executor.devices", executor.devices, rule, "executor.devices=auto")


def is_grid(settings: Settings, space: Space) -> bool:
    """True where every combination is tried, False where a sampler draws."""
    if settings.sampler.target is not None:
        return False
    whole = space.is_discrete and (settings.sweep.n_trials or math.inf) >= space.size
    return settings.sampler.name == "grid" or (settings.sampler.name == "auto" and whole)
