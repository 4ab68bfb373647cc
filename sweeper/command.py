"""What a command asks for: its space, its settings, its name; or everything wrong with it."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.object_type import ObjectType
from omegaconf import OmegaConf

from sweeper import files, gpu_memory, hub, procedures, search_space
from sweeper import space as spaces
from sweeper.composition import SETTINGS_GROUPS, Compose, Composer, integers, is_free, trial_keys
from sweeper.halving import UNLIMITED_BRACKET
from sweeper.identity import trial_id
from sweeper.paths import SweepPaths
from sweeper.procedure import GROUP, Procedure
from sweeper.procedures import Asked
from sweeper.search import Params
from sweeper.settings import (
    HalvingSettings,
    PrunerSettings,
    Sampler,
    Settings,
    Sweep,
)
from sweeper.settings_problems import halves, is_grid, missing_devices, named, settings_problems
from sweeper.space import Choices, GroupOptions, Space
from sweeper.tuned_alpha import kept_gain
from sweeper.validation import ConfigurationError, Problem
from trainers import bundled
from trainers.trial import Model, Quantization, TrialConfig


def group_options_of(loader: ConfigLoader) -> GroupOptions:
    """Returns what Hydra's loader knows of groups; a key with a dot is never asked for: it cannot be one."""
    return lambda key: loader.get_group_options(key, ObjectType.CONFIG) if "." not in key else []


@dataclass(frozen=True)
class Command:
    """A command that is understood; `notes` are what it is worth knowing of how it was."""

    name: str
    space: Space
    composer: Composer
    settings: Settings
    asked: Asked | None = None
    notes: list[Problem] = field(default_factory=list)

    @property
    def procedure(self) -> Procedure | None:
        """The procedure asked for; None for a plain search."""
        return self.asked.procedure if self.asked is not None else None

    @property
    def example(self) -> Params:
        """One point of the space; what is held throughout a procedure."""
        return next(representatives(self.space)) if self.procedure is None else self.procedure.hold

    @property
    def total(self) -> float:
        """How many trials are asked for; infinite where only time, or a procedure's decisions, limit them."""
        if self.asked is not None:
            return math.inf
        if self.is_grid:
            return self.space.size - self.merged
        return min(self.settings.sweep.n_trials or math.inf, self.space.size)

    @functools.cached_property  # composes and hashes the whole grid
    def ids(self) -> set[str] | None:
        """The trials of a grid; None for another search, and for a grid too large to list."""
        if not self.is_grid or self.space.size > spaces.MOST_VALUES:
            return None
        configs = (self.composer.trial(params)[0] for params in self.space.grid())
        return {trial_id(config) for config in configs if config is not None}

    @property
    def merged(self) -> int:
        """How many points of a grid are the same trial as another, as gains are that round to one alpha."""
        return 0 if self.ids is None else int(self.space.size) - len(self.ids)

    @property
    def way(self) -> str:
        """How trials are chosen and pruned, in words."""
        drawn = "the whole grid" if self.is_grid else f"drawn by {self.sampler}"
        return drawn if self.pruner == "none" else f"{drawn}, pruned by {self.pruner}"

    @property
    def sampler(self) -> str:
        """Who chooses the points, by name: `procedure`, `grid`, or the sampler that `auto` stands for."""
        if self.asked is not None:
            return GROUP
        if self.is_grid:
            return "grid"
        chosen = self.settings.sampler
        return "tpe" if chosen.name == "auto" and chosen.target is None else named(chosen)

    @property
    def pruner(self) -> str:
        """Who stops trials early, by name: `none`, or the pruner that `auto` stands for."""
        if self.halving is not None:
            return "halving"
        return "none" if self.asked is not None or self.settings.pruner.target is None else named(self.settings.pruner)

    @property
    def halving(self) -> HalvingSettings | None:
        """The rule of `pruner=halving`; None where another pruner, or none, is asked for."""
        if self.asked is not None or not halves(self.settings, self.is_grid, self.total):
            return None
        asked = HalvingSettings(**self.settings.pruner.kwargs)
        if asked.bracket is None and math.isinf(self.total):
            return dataclasses.replace(asked, bracket=UNLIMITED_BRACKET)
        return asked

    @property
    def builds_tiny(self) -> bool:
        """True where the bundled model is asked for and not built yet."""
        config = self.composer.trial(self.example)[0]
        if config is None or self.settings.trainer.name == "replay" or not bundled.is_bundled(config.model.path):
            return False
        return not bundled.tiny_folder(config.model.cache_dir).is_dir()

    @functools.cached_property
    def warnings(self) -> list[Problem]:
        """What is no error, and yet worth knowing before the start."""
        return [] if self.settings.trainer.name == "replay" else list(gpu_memory.occupied(self.settings.executor))

    @property
    def is_grid(self) -> bool:
        """True where every combination is tried, False where a sampler draws."""
        return is_grid(self.settings, self.space)


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
    derives = procedures.is_asked(composer.config)
    sets_alpha = derives and "'lora.alpha'" in str(OmegaConf.to_container(composer.config[GROUP], resolve=False))
    said, notes = (said, []) if sets_alpha else kept_gain(said, composer, derives)
    composer = composer.over(said) if notes else composer
    if derives and composer.config.get(search_space.GROUP):
        problems += [Problem(search_space.GROUP, "…", "is a search's; a procedure lists its trials", "one of the two")]
    if derives and not problems:
        return _procedure(said, composer, group_options, arguments, notes)
    space, wrong = search_space.extended(said, composer.config, group_options)
    composer = composer if space == said else composer.over(space)
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
        problems += settings_problems(settings, space, composer.trial(next(representatives(space)))[0])
        problems += _misplaced("max_trials", settings, "is a procedure's budget; a search says how many it draws")
    problems += _trial_problems(composer, space, settings, sound)
    if settings is None or problems:
        raise ConfigurationError(problems)
    return Command(settings.sweep.name or derived_name(space, arguments), space, composer, settings, notes=notes)


def _procedure(
    said: Space, composer: Composer, group_options: GroupOptions, arguments: Sequence[str], notes: list[Problem]
) -> Command:
    """Reads a command that asks for a procedure."""
    inner = composer.over(procedures.space_of(said, composer.config, group_options))
    settings, problems = inner.settings({})
    sweep = settings.sweep if settings is not None else Sweep()
    name = sweep.name or derived_name(Space((), ()), arguments, str(composer.config[GROUP].get("name", "procedure")))
    known = [*trial_keys(composer.config), *VARIABLE_GROUPS]
    log = None if sweep.fresh else SweepPaths(Path(sweep.dir) / name).events
    asked, wrong = procedures.understood(said, inner, known, sweep.metric, log)
    sound = settings is not None and not problems
    problems += wrong
    plain = Space((), said.fixed)
    if settings is not None:
        drawn = dataclasses.replace(settings, sampler=Sampler(), pruner=PrunerSettings())
        problems += settings_problems(drawn, plain, None if asked is None else inner.trial(asked.procedure.hold)[0])
        problems += _misplaced("n_trials", settings, "is a search's; a procedure lists its trials and has a budget")
        problems += _searching(settings)
    problems += _trial_problems(composer.over(plain), plain, settings, sound)
    if settings is None or asked is None or problems:
        raise ConfigurationError(problems)
    return Command(name, said, inner, settings, asked, [*notes, *asked.notes])


def _searching(settings: Settings) -> Iterator[Problem]:
    """What says how a search draws and prunes means nothing to a procedure, which compares whole, listed trials."""
    rule = "a procedure lists its trials and runs them to their end"
    for group, chosen in (("sampler", settings.sampler), ("pruner", settings.pruner)):
        if chosen.target is not None or chosen.name not in {"auto", "none"}:
            yield Problem(group, named(chosen), rule, f"leave {group}={named(chosen)} out")


def _misplaced(key: str, settings: Settings, rule: str) -> Iterator[Problem]:
    value = getattr(settings.sweep, key)
    other = "n_trials" if key == "max_trials" else "max_trials"
    if value is not None:
        yield Problem(f"sweep.{key}", value, rule, f"sweep.{other}={value}")


VARIABLE_GROUPS = ("model", "quantization", "data", "lora", "training")


def _settings_swept(space: Space) -> Iterator[Problem]:
    for axis in space.axes:
        if axis.key == GROUP:
            yield Problem(
                axis.key,
                spaces.listed(axis),
                "one procedure at a time",
                f"{GROUP}={spaces.listed(axis).partition(',')[0]}",
            )
        elif axis.key.partition(".")[0] in {*SETTINGS_GROUPS, search_space.GROUP}:
            rule = "says how the sweep is run, not what a trial is, so it has one value for all trials"
            yield Problem(axis.key, spaces.listed(axis), rule, f"{axis.key}=VALUE")


def _problems_of(compose: Compose, group_options: GroupOptions, arguments: Sequence[str]) -> list[Problem]:
    """Finds what else is wrong once the broken axes are left out."""
    try:
        understand(compose, group_options, arguments)
    except ConfigurationError as error:
        return error.problems
    return []


def _trial_problems(composer: Composer, space: Space, settings: Settings | None, sound: bool) -> Iterator[Problem]:
    trainer, metric = (settings.trainer.name, settings.sweep.metric) if settings is not None else ("sft", "eval_loss")
    bases: dict[tuple[Model, Quantization], TrialConfig] = {}
    for params in representatives(space):
        config, problems = composer.trial(params)
        if config is None:
            yield from problems
        elif trainer == "replay":
            yield from files.missing(config)
        else:
            yield from files.problems(config, metric)
            bases.setdefault((config.model, config.quantization), config)
    if settings is not None and not settings.sweep.dry_run:
        found = (hub.problem(config.model) for config in bases.values())
        yield from (problem for problem in found if problem is not None)
    if settings is not None and sound and not list(missing_devices(settings.executor)):
        yield from (problem for config in bases.values() for problem in gpu_memory.problems(settings.executor, config))


def representatives(space: Space) -> Iterator[Params]:
    """Yields the points to check: all of a grid; else every listed value and bound beside the first of the others."""
    if space.is_discrete and space.size <= spaces.MOST_VALUES:
        yield from space.grid()
    else:
        yield from corners(space)


def corners(space: Space) -> Iterator[Params]:
    """Yields every listed value and bound beside the first of the other axes."""
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


def derived_name(space: Space, arguments: Sequence[str], otherwise: str = "trial") -> str:
    """Names a sweep after its command, so that the same command finds it again.

    Args:
        space: What the command varies: the readable part.
        arguments: The overrides; `sweep.*`, `executor.*` and `tracking.*` say nothing about what is compared.
        otherwise: The readable part of a command without axes.
    """
    kept = sorted(item for item in arguments if not re.match(r"[+~]*(sweep|executor|tracking)[.=]", item))
    digest = hashlib.sha256("\0".join(kept).encode()).hexdigest()[:8]
    varied = "-".join([axis.key.rpartition(".")[2] for axis in space.axes] or [otherwise])
    readable = re.sub(r"[^A-Za-z0-9_-]+", "-", varied)[:_LONGEST_READABLE]  # a procedure's name may be anything
    return f"{readable.lstrip('_-') or 'sweep'}-{digest}"


_LONGEST_READABLE = 100  # characters: a name is a folder's, which few file systems let be longer than 255 bytes
