"""What a command asks for: its space, its settings, its name; or everything wrong with it."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.object_type import ObjectType

from sweeper import files, gpu_memory, search_space
from sweeper import space as spaces
from sweeper.composition import SETTINGS_GROUPS, Compose, Composer, integers, is_free
from sweeper.executors.devices import visible_gpus
from sweeper.halving import UNLIMITED_BRACKET
from sweeper.identity import trial_id
from sweeper.search import Params
from sweeper.settings import (
    MAXIMIZED,
    MEASURED,
    MINIMIZED,
    OWN_PRUNERS,
    OWN_SAMPLERS,
    Executor,
    HalvingSettings,
    Settings,
)
from sweeper.space import Choices, Space
from sweeper.validation import ConfigurationError, Problem, build
from trainers.trial import Model, Quantization, TrialConfig

MOST_UNPRUNED = 8
"""Sampled trials that `pruner=auto` runs to their end (architecture, rungs: "with eight trials or fewer, nothing")."""

GroupOptions = Callable[[str], Sequence[str]]
"""Lists the options of a config group; empty for a key that is no group."""


def group_options_of(loader: ConfigLoader) -> GroupOptions:
    """Returns what Hydra's loader knows of groups; a key with a dot is never asked for: it cannot be one."""
    return lambda key: loader.get_group_options(key, ObjectType.CONFIG) if "." not in key else []


@dataclass(frozen=True)
class Command:
    """A command that is understood."""

    name: str
    space: Space
    composer: Composer
    settings: Settings

    @property
    def example(self) -> Params:
        """One point of the space."""
        return next(representatives(self.space))

    @property
    def total(self) -> float:
        """How many trials are asked for; infinite where only the time limits a sampler."""
        if self.is_grid:
            return self.space.size - self.merged
        return min(self.settings.sweep.n_trials or math.inf, self.space.size)

    @functools.cached_property  # composes and hashes the whole grid
    def merged(self) -> int:
        """How many points of a grid are the same trial as another, as gains are that round to one alpha."""
        if not self.is_grid or self.space.size > spaces.MOST_VALUES:
            return 0
        configs = (self.composer.trial(params)[0] for params in self.space.grid())
        return int(self.space.size) - len({trial_id(config) for config in configs if config is not None})

    @property
    def halving(self) -> HalvingSettings | None:
        """The rule of `pruner=halving`; None where another pruner, or none, is asked for."""
        if not _halves(self.settings, self.is_grid, self.total):
            return None
        asked = HalvingSettings(**self.settings.pruner.kwargs)
        if asked.bracket is None and math.isinf(self.total):
            return dataclasses.replace(asked, bracket=UNLIMITED_BRACKET)
        return asked

    @functools.cached_property
    def warnings(self) -> list[Problem]:
        """What is no error, and yet worth knowing before the start."""
        return [] if self.settings.trainer.name == "replay" else list(gpu_memory.occupied(self.settings.executor))

    @property
    def is_grid(self) -> bool:
        """True where every combination is tried, False where a sampler draws."""
        return _is_grid(self.settings, self.space)


def understand(compose: Compose, group_options: GroupOptions, arguments: Sequence[str]) -> Command:
    """Reads a command.

    Args:
        compose: Composes a configuration from overrides, as Hydra does.
        group_options: Lists the options of a config group; empty for a key that is no group.
        arguments: The task overrides as typed.

    Raises:
        ConfigurationError: With everything wrong with it.
    """
    said, problems = spaces.parse(arguments, group_options)
    composer = Composer(compose, said)
    space, wrong = search_space.extended(said, composer.config, group_options)
    composer = composer if space == said else Composer(compose, space)
    problems += wrong
    problems += [*composer.unknown_axes(), *_settings_swept(space)]
    if problems:
        known = [item for item in arguments if item.partition("=")[0].lstrip("+~") not in {p.key for p in problems}]
        more = _problems_of(compose, group_options, known) if len(known) < len(arguments) else []
        raise ConfigurationError([*problems, *more])
    space, reversed_ = spaces.typed(space, integers(), is_free)
    if reversed_:
        raise ConfigurationError(reversed_)
    settings, problems = composer.settings(next(representatives(space)))
    sound = settings is not None and not problems
    if settings is not None:
        problems += _settings_problems(settings, space, composer.trial(next(representatives(space)))[0])
    problems += _trial_problems(composer, space, settings, sound)
    if settings is None or problems:
        raise ConfigurationError(problems)
    return Command(settings.sweep.name or derived_name(space, arguments), space, composer, settings)


def _settings_swept(space: Space) -> Iterator[Problem]:
    for axis in space.axes:
        if axis.key.partition(".")[0] in {*SETTINGS_GROUPS, search_space.GROUP}:
            rule = "says how the sweep is run, not what a trial is, so it has one value for all trials"
            yield Problem(axis.key, "several values", rule, f"{axis.key}=VALUE")


def _problems_of(compose: Compose, group_options: GroupOptions, arguments: Sequence[str]) -> list[Problem]:
    """Finds what else is wrong once the broken axes are left out."""
    try:
        understand(compose, group_options, arguments)
    except ConfigurationError as error:
        return error.problems
    return []


def _settings_problems(settings: Settings, space: Space, example: TrialConfig | None) -> Iterator[Problem]:
    if settings.trainer.name == "replay":
        yield from files.table_problems(settings.replay.table, settings.sweep.metric, example)
    elif settings.sweep.metric not in MEASURED:
        yield Problem(
            "sweep.metric", settings.sweep.metric, f"measured are {', '.join(MEASURED)}", "sweep.metric=eval_loss"
        )
    yield from _choice_problems(settings)
    yield from _missing_devices(settings.executor)
    if not settings.sweep.dry_run:
        from sweeper import reach  # brings SQLAlchemy along

        yield from reach.problems(settings)
    metric = settings.sweep.metric
    if settings.sweep.direction is None and metric not in {*MAXIMIZED, *MINIMIZED}:
        rule = f"whether more {metric} is better is not known"
        yield Problem("sweep.direction", None, rule, "sweep.direction=maximize, or sweep.direction=minimize")
    intervals = [axis.key for axis in space.axes if not isinstance(axis, Choices)]
    if settings.sampler.name == "grid" and intervals:
        rule = f"a grid needs lists, and {intervals[0]} is an interval"
        yield Problem("sampler", "grid", rule, "sampler=tpe sweep.n_trials=20")
    elif not _is_grid(settings, space) and settings.sweep.n_trials is None and settings.sweep.limit_s is None:
        rule = "a sampler needs to know how many trials to draw, or for how long"
        yield Problem("sweep.n_trials", None, rule, "sweep.n_trials=20, or sweep.max_hours=8")


def _choice_problems(settings: Settings) -> Iterator[Problem]:
    """Finds samplers and pruners that are not ours and name no class, or whose arguments do not fit."""
    for group, known, chosen in (("sampler", OWN_SAMPLERS, settings.sampler), ("pruner", OWN_PRUNERS, settings.pruner)):
        if chosen.target is None and chosen.name not in known:
            rule = f"without a _target_ the name is one of {', '.join(known)}"
            yield Problem(f"{group}.name", chosen.name, rule, f"{group}={chosen.name}")
    if settings.pruner.name == "halving":
        yield from build(HalvingSettings, settings.pruner.kwargs, "pruner.kwargs.")[1]
    if settings.sampler.target or settings.pruner.target:
        from sweeper import instantiation  # brings Optuna along

        yield from instantiation.problems(settings)


def _halves(settings: Settings, is_grid: bool, total: float) -> bool:
    if settings.pruner.target is not None:
        return False
    return settings.pruner.name == "halving" or (
        settings.pruner.name == "auto" and not is_grid and total > MOST_UNPRUNED
    )


def _missing_devices(executor: Executor) -> Iterator[Problem]:
    if not isinstance(executor.devices, list):
        return
    count = len(visible_gpus())
    absent = [index for index in executor.devices if not 0 <= index < count]
    if absent or not executor.devices:
        rule = f"this machine shows {count} GPU{'' if count == 1 else 's'}, counted from 0"
        yield Problem("executor.devices", executor.devices, rule, "executor.devices=auto")


def _is_grid(settings: Settings, space: Space) -> bool:
    if settings.sampler.target is not None:
        return False
    return settings.sampler.name == "grid" or (settings.sampler.name == "auto" and space.is_discrete)


def _trial_problems(composer: Composer, space: Space, settings: Settings | None, sound: bool) -> Iterator[Problem]:
    trainer, metric = (settings.trainer.name, settings.sweep.metric) if settings is not None else ("sft", "eval_loss")
    bases: dict[tuple[Model, Quantization], TrialConfig] = {}
    for params in representatives(space):
        config, problems = composer.trial(params)
        if config is None:
            yield from problems
        elif trainer != "replay":
            yield from files.problems(config, metric)
            bases.setdefault((config.model, config.quantization), config)
    if settings is not None and sound and not list(_missing_devices(settings.executor)):
        yield from (problem for config in bases.values() for problem in gpu_memory.problems(settings.executor, config))


def representatives(space: Space) -> Iterator[Params]:
    """Yields the points to check: all of a grid; else every listed value and bound beside the first of the others."""
    if space.is_discrete and space.size <= spaces.MOST_VALUES:
        yield from space.grid()
        return
    ends = {axis.key: axis.values if isinstance(axis, Choices) else (axis.low, axis.high) for axis in space.axes}
    first = {key: values[0] for key, values in ends.items()}
    yield space.active(first)
    for axis in space.axes:
        yield from (space.active(_met(space, first, axis.key, value)) for value in ends[axis.key])


def _met(space: Space, point: Params, key: str, value: Any) -> Params:
    """Sets an axis, and the axes it depends on to values at which it exists."""
    axis = next(item for item in space.axes if item.key == key)
    for other, values in axis.when:
        point = _met(space, point, other, values[0])
    return {**point, key: value}


def derived_name(space: Space, arguments: Sequence[str]) -> str:
    """Names a sweep after its command, so that the same command finds it again.

    Args:
        space: What the command varies: the readable part.
        arguments: The overrides; `sweep.*`, `executor.*` and `tracking.*` say nothing about what is compared.
    """
    kept = sorted(item for item in arguments if not re.match(r"\+*(sweep|executor|tracking)[.=]", item))
    digest = hashlib.sha256("\0".join(kept).encode()).hexdigest()[:8]
    return (
        "-".join([*(axis.key.rpartition(".")[2] for axis in space.axes), digest]) if space.axes else f"trial-{digest}"
    )
