"""Everything wrong with a command line, before Hydra sees it.

Hydra stops at the first unknown key with exit code 1, accepts `+anything=1`, and in a multirun never checks the keys
that are swept. This reads the same overrides with Hydra's own parser, config loader and compose.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, Glob, Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from sweeper import search_space
from sweeper.command import group_options_of, understand
from sweeper.composition import Compose, is_free
from sweeper.names import dotted, nearest, no_option
from sweeper.passthrough import todays
from sweeper.space import GroupOptions, as_list
from sweeper.validation import ConfigurationError, Problem

PRIMARY = "config"
"""The file that a command begins with, unless `--config-name` says another."""


@dataclass(frozen=True)
class Line:
    """A command line as Hydra would split it."""

    overrides: Sequence[str]
    multirun: bool
    config_dir: str | None = None
    config_name: str = PRIMARY


def problems(line: Line, conf: str) -> list[Problem]:
    """Finds everything wrong with a command line.

    Args:
        line: The overrides and the flags that matter.
        conf: The folder of the configuration.

    Returns:
        All problems: what does not parse, what does not exist, and what the remaining overrides get wrong.
    """
    if line.config_dir and not Path(line.config_dir).is_dir():
        return [Problem("--config-dir", line.config_dir, "there is no such folder", "a folder with groups of yours")]
    parsed, found = _parse(line.overrides)
    own = Path(line.config_dir).absolute() if line.config_dir else None
    root, added = _places(Path(conf), own, line.config_name)
    if root is None:
        rule = "there is no such file in the folder" if own else "needs its folder"
        remedy = "best, in the folder of a sweep" if own else f"--config-dir FOLDER --config-name {line.config_name}"
        return [Problem("--config-name", line.config_name, rule, remedy)]
    search_path = [f'hydra.searchpath=["file://{added}"]'] if added else []
    with initialize_config_dir(str(root), version_base="1.3"):
        options = _with_own(group_options_of(GlobalHydra.instance().config_loader()), added)
        groups = [item for item in parsed if options(item.key_or_group)]
        wrong_groups = [problem for item in groups for problem in _group_problems(item, options(item.key_or_group))]
        found += [*wrong_groups, *_overwritten(groups, root / f"{line.config_name}.yaml")]
        sound = [item for item in groups if item.key_or_group not in {problem.key for problem in wrong_groups}]
        first = [text for item in sound for text in _first_choice(item, options(item.key_or_group))]
        try:
            config = _with(root, line.config_name, search_path, first)
        except _UNREADABLE as error:
            return [*found, _unreadable(error, line)]
        values = [item for item in parsed if item not in groups]
        unknown = list(_unknown(values, config))
        found += [*unknown, *_unswept(parsed, line.multirun), *_unswept_space(config, line)]
        kept = [item for item in [*sound, *values] if item.key_or_group not in {problem.key for problem in found}]
        whole = [str(item.input_line) for item in kept]
        return [*found, *_deeper(functools.partial(_with, root, line.config_name, search_path), options, whole)]


def _overwritten(groups: Sequence[Override], primary: Path) -> Iterator[Problem]:
    """A file that sets every value itself, as best.yaml does, sets them after a group is chosen."""
    own = set(OmegaConf.load(primary)) - {"hydra"}
    for item in groups:
        key, value = item.key_or_group, item.get_value_string()
        if primary.stem != PRIMARY and (key in own or (key == "recipe" and "training" in own)):
            rule = f"{primary.name} sets each of its values itself, whatever option is chosen"
            yield Problem(key, value, rule, f"{key}.name={value}" if key == "quantization" else "its values, KEY=VALUE")


def _places(conf: Path, own: Path | None, name: str) -> tuple[Path | None, Path | None]:
    """Returns the folder that holds the primary configuration, None where none does, and the other one."""
    if own is not None and (own / f"{name}.yaml").is_file():
        return own, conf
    return (conf, own) if (conf / f"{name}.yaml").is_file() else (None, None)


def _with(root: Path, name: str, search_path: Sequence[str], overrides: Sequence[str]) -> DictConfig:
    return _composed(str(root), name, (*search_path, *overrides))


# What Hydra, OmegaConf and YAML raise for files that say nothing sensible.
_UNREADABLE = (HydraException, OmegaConfBaseException, yaml.YAMLError, ValueError)


def _unreadable(error: Exception, line: Line) -> Problem:
    key, value = ("--config-dir", line.config_dir) if line.config_dir else ("command", " ".join(line.overrides))
    return Problem(key, value, f"cannot be composed ({_one_line(error)})", "lora-sweep --cfg job shows what Hydra sees")


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]


@functools.lru_cache(maxsize=64)
def _composed(root: str, name: str, overrides: tuple[str, ...]) -> DictConfig:
    """Composes some overrides; `root` is where Hydra looks.

    First the groups that a command chooses, whatever values it sets besides, then everything of it that is sound: the
    same thing where it sets no value.
    """
    return compose(name, list(overrides))


def _with_own(options: GroupOptions, own: Path | None) -> GroupOptions:
    """Adds the options in the user's folder: Hydra's loader learns of it only when it composes."""
    if own is None:
        return options
    return lambda key: sorted({*options(key), *(file.stem for file in (own / key).glob("*.yaml") if "." not in key)})


def _parse(overrides: Sequence[str]) -> tuple[list[Override], list[Problem]]:
    parser, parsed, found = OverridesParser.create(), [], []
    for text in map(as_list, overrides):
        try:
            parsed.append(parser.parse_override(text))
        except HydraException as error:
            found.append(_syntax(text, error))
    hydras = [item for item in parsed if item.is_hydra_override()]
    found += [problem for item in hydras for problem in _hydras(item)]
    return [item for item in parsed if item not in hydras], found


def _syntax(text: str, error: HydraException) -> Problem:
    key, equals, value = text.partition("=")
    remedy = "KEY=VALUE, in quotes where a value holds spaces or brackets"
    if not equals:
        return Problem("command", text, "is no KEY=VALUE; a blank, as after a comma, ends an argument", remedy)
    if value.rstrip().endswith(","):
        rule = "ends with a comma; a blank after it ends the argument"
        return Problem(key, value, rule, f"{key}={value.rstrip().rstrip(',')},VALUE, without blanks")
    if scale := re.match(r"(log|q|quniform|uniform|loguniform)\(", value):
        bounds = value[scale.end() :].rstrip(")")
        log = f"tag(log,interval({bounds}))" if "log" in scale.group(1) else f"interval({bounds})"
        return Problem(key, value, "is not among Hydra's functions", f"'{key}={log}'")
    reason = " ".join(str(error).split("See https")[0].split())
    return Problem(key, value, f"is not Hydra's syntax ({reason})", remedy)


# Hydra's own settings that a user of its sweepers and launchers may type, and what stands for them here.
_HYDRAS = {
    "hydra/sweeper": "sampler=tpe, or any sampler with sampler._target_=…",
    "hydra/launcher": "executor.workers=2: trials are placed on workers as these get free",
    "hydra.sweeper.n_trials": "sweep.n_trials={}",
    "hydra.sweeper.n_jobs": "executor.workers={}",
    "hydra.sweeper.direction": "sweep.direction={}",
    "hydra.sweeper.study_name": "sweep.name={}",
    "hydra.sweeper.storage": "sweep.storage={}",
    "hydra.sweeper.sampler": "sampler=tpe",
    "hydra.sweeper.params": "search_space=…, or the parameters on the command line",
    "hydra.launcher": "executor.workers=2",
}


def _hydras(item: Override) -> Iterator[Problem]:
    key = item.key_or_group
    known = next((name for name in _HYDRAS if key == name or key.startswith(f"{name}.")), None)
    if known is not None:
        rule = "trials are drawn and placed by the sweeper itself"
        yield Problem(key, item.get_value_string(), rule, _HYDRAS[known].format(item.get_value_string()))


def _group_problems(override: Override, options: Sequence[str]) -> Iterator[Problem]:
    chosen = _chosen(override, options)
    yield from (no_option(override.key_or_group, value, options) for value in chosen if value not in options)


def _chosen(override: Override, options: Sequence[str]) -> list[str]:
    """Returns the options that an override names."""
    value: Any = override.value()
    if isinstance(value, Glob):
        return value.filter(list(options))
    if not isinstance(value, ChoiceSweep):
        return [_text(value) if not override.is_sweep_override() else override.get_value_string()]
    return [_text(item) for item in override.sweep_iterator()]


def _text(value: Any) -> str:
    return str(getattr(value, "text", value))


def _first_choice(override: Override, options: Sequence[str]) -> list[str]:
    """Returns a plain override with the first of the options, none where a pattern matches none."""
    return [f"{override.get_key_element()}={value}" for value in _chosen(override, options)[:1]]


def _unknown(values: Sequence[Override], config: DictConfig) -> Iterator[Problem]:
    known = dotted(OmegaConf.to_container(config, resolve=False))
    for item in values:
        key = item.key_or_group
        if is_free(key):
            yield from _unmarked(item, known)
        elif key not in known:
            value = item.get_value_string()
            yield Problem(key, value, "there is no such parameter", _meant(key, value, known))


def _meant(key: str, value: str, known: Sequence[str]) -> str:
    """Returns the override that was probably meant, with the value that was given."""
    remedy = todays(key.rpartition(".")[2], value)
    if remedy is not None:
        return remedy
    same = [name for name in known if name.rpartition(".")[2] == key]  # as learning_rate, without its group
    mappings = {name.rpartition(".")[0] for name in known}
    found = same[0] if same else nearest(key, [name for name in known if "." in name and name not in mappings])
    return f"{found}={value}" if "." in found and " " not in found else found


def _unmarked(item: Override, known: Sequence[str]) -> Iterator[Problem]:
    """Hydra adds a key to a mapping only where a + says so."""
    key = item.key_or_group
    if key not in known and not (item.is_add() or item.is_force_add()):
        value = item.get_value_string()
        if key.startswith(search_space.PREFIX):
            rule = "the search space has no such axis or bound; a new one is marked with +"
            yield Problem(key, value, rule, nearest(key, known))
            return
        yield Problem(key, value, "a key that is added to a mapping is marked with +", f"+{key}={value}")


def _unswept(parsed: Sequence[Override], multirun: bool) -> Iterator[Problem]:
    for item in parsed:
        if item.is_sweep_override() and not multirun:
            remedy = f"lora-sweep -m {item.input_line}"
            yield Problem(item.key_or_group, item.get_value_string(), "several values need a multirun", remedy)


def _unswept_space(config: DictConfig, line: Line) -> Iterator[Problem]:
    if config.get("procedure") and not line.multirun:
        rule = "a procedure has many trials, which need a multirun"
        yield Problem("procedure", config.procedure.get("name"), rule, "lora-sweep -m procedure=…")
    if config.get(search_space.GROUP) and not line.multirun:
        rule = "a search space holds several values, which need a multirun"
        yield Problem(search_space.GROUP, ", ".join(config[search_space.GROUP]), rule, "lora-sweep -m …")


def _deeper(compose_more: Compose, options: GroupOptions, overrides: list[str]) -> list[Problem]:
    """Finds what the sound overrides get wrong in their values."""
    try:
        understand(compose_more, options, overrides)
    except ConfigurationError as error:
        return error.problems
    except _UNREADABLE as error:
        return [Problem("command", " ".join(overrides), _one_line(error), "lora-sweep --help")]
    return []
