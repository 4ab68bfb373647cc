"""One command from its overrides to its leaderboard."""

from __future__ import annotations

import functools
import hashlib
import re
import sys
from collections.abc import Iterator, Sequence
from typing import NoReturn

from hydra.core.config_loader import ConfigLoader
from hydra.core.object_type import ObjectType
from omegaconf import DictConfig

from sweeper import files, planner
from sweeper import space as spaces
from sweeper.composition import Composer
from sweeper.decisions import Objective
from sweeper.search import Grid, Params, Sampled, Search
from sweeper.settings import Settings
from sweeper.space import Choices, Space
from sweeper.validation import ConfigurationError, Problem
from trainers import registry


def command(loader: ConfigLoader, master: DictConfig, arguments: Sequence[str]) -> NoReturn:
    """Runs the sweep that a command asks for, or continues it, and exits.

    Args:
        loader: Hydra's, to compose each trial.
        master: The command's composed configuration.
        arguments: The task overrides as typed.

    Raises:
        SystemExit: Always: 0 done, 1 no trial completed, 2 something is wrong with the command, 130 stopped.
    """
    try:
        code = _run(loader, master, arguments)
    except ConfigurationError as error:
        print(f"lora-sweep: {error}", file=sys.stderr)
        code = 2
    sys.exit(code)


def _run(loader: ConfigLoader, master: DictConfig, arguments: Sequence[str]) -> int:
    space, problems = spaces.parse(arguments, lambda key: _options(loader, key))
    if problems:
        raise ConfigurationError(problems)
    composer = Composer(lambda overrides: loader.load_sweep_config(master, list(overrides)), space)
    if unknown := composer.unknown_axes():
        raise ConfigurationError(unknown)
    space = spaces.typed(space, composer.value_of)
    settings = _settings(composer, space)
    planner.check(composer, _representatives(space), functools.partial(files.problems, trainer=settings.trainer.name))
    name = settings.sweep.name or derived_name(space, arguments)
    return _sweep(name, composer, space, settings)


def _options(loader: ConfigLoader, key: str) -> list[str]:
    return loader.get_group_options(key, ObjectType.CONFIG) if "." not in key else []


def _settings(composer: Composer, space: Space) -> Settings:
    settings, problems = composer.settings(next(_representatives(space)))
    if settings is not None and settings.trainer.name == "replay":
        problems += files.table_problems(settings.replay.table)
    if settings is None or problems:
        raise ConfigurationError(problems)
    if settings.sampler.name == "grid" and not space.is_discrete:
        interval = next(axis for axis in space.axes if not isinstance(axis, Choices))
        rule = f"a grid needs lists, and {interval.key} is an interval"
        raise ConfigurationError([Problem("sampler", "grid", rule, "sampler=tpe sweep.n_trials=20")])
    if not _is_grid(settings, space) and settings.sweep.n_trials is None:
        rule = "a sampler needs to know how many trials it may draw"
        raise ConfigurationError([Problem("sweep.n_trials", None, rule, "sweep.n_trials=20")])
    return settings


def _is_grid(settings: Settings, space: Space) -> bool:
    return settings.sampler.name == "grid" or (settings.sampler.name == "auto" and space.is_discrete)


def _representatives(space: Space) -> Iterator[Params]:
    """Yields the points to check: all of a grid; else every listed value and bound beside the first of the others."""
    if space.is_discrete:
        yield from space.grid()
        return
    ends = {axis.key: axis.values if isinstance(axis, Choices) else (axis.low, axis.high) for axis in space.axes}
    first = {key: values[0] for key, values in ends.items()}
    yield first
    for key, values in ends.items():
        yield from ({**first, key: value} for value in values[1:])


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


def _sweep(name: str, composer: Composer, space: Space, settings: Settings) -> int:
    # Optuna and MLflow take a second each to import: not for a command that is wrong.
    from sweeper.session import Session
    from sweeper.study import Study

    objective = Objective(settings.sweep.metric, settings.sweep.resolved_direction)
    study = Study(space, settings.sampler, settings.pruner, objective, settings.sweep.seed)
    sampled = not _is_grid(settings, space)
    search: Search = Sampled(space, settings.sweep.n_trials or 0, study) if sampled else Grid(space)
    with_reference = settings.sweep.reference and registry.measures_reference(settings.trainer.name)
    plan = planner.Planner(composer, search, with_reference)
    return Session(name, settings, objective, study, plan).run()
