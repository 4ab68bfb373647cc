"""Everything wrong with a command line, before Hydra sees it.

Hydra stops at the first unknown key with exit code 1, accepts `+anything=1`, and in a multirun never checks the keys
that are swept. This reads the same overrides with Hydra's own parser, config loader and compose.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, Glob, Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf

from sweeper import search_space
from sweeper.command import GroupOptions, group_options_of, understand
from sweeper.composition import is_free, nearest
from sweeper.passthrough import RETIRED
from sweeper.space import as_list
from sweeper.validation import ConfigurationError, Problem


@dataclass(frozen=True)
class Line:
    """A command line as Hydra would split it."""

    overrides: Sequence[str]
    multirun: bool
    config_dir: str | None = None


def problems(line: Line, conf: str) -> list[Problem]:
    """Finds everything wrong with a command line.

    Args:
        line: The overrides and the flags that matter.
        conf: The folder of the configuration.

    Returns:
        All problems: what does not parse, what does not exist, and what the remaining overrides get wrong.
    """
    parsed, found = _parse(line.overrides)
    own = Path(line.config_dir).absolute() if line.config_dir else None
    search_path = [f'hydra.searchpath=["file://{own}"]'] if own else []
    with initialize_config_dir(conf, version_base="1.3"):
        options = _with_own(group_options_of(GlobalHydra.instance().config_loader()), own)
        groups = [item for item in parsed if options(item.key_or_group)]
        wrong_groups = [problem for item in groups for problem in _group_problems(item, options(item.key_or_group))]
        found += wrong_groups
        sound = [item for item in groups if item.key_or_group not in {problem.key for problem in wrong_groups}]
        first = [text for item in sound for text in _first_choice(item, options(item.key_or_group))]
        config = compose("config", [*search_path, *first])
        values = [item for item in parsed if item not in groups]
        unknown = list(_unknown(values, config))
        found += [*unknown, *_unswept(parsed, line.multirun), *_unswept_space(config, line)]
        kept = [item for item in [*sound, *values] if item.key_or_group not in {problem.key for problem in found}]
        return [*found, *_deeper(search_path, options, [str(item.input_line) for item in kept])]


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
            key, _, value = text.partition("=")
            rule = f"is not Hydra's syntax ({str(error).splitlines()[0]})"
            found.append(Problem(key, value, rule, "KEY=VALUE, in quotes where a value holds spaces or brackets"))
    return [item for item in parsed if not item.is_hydra_override()], found


def _group_problems(override: Override, options: Sequence[str]) -> Iterator[Problem]:
    key = override.key_or_group
    for value in _chosen(override, options):
        if value not in options:
            close = difflib.get_close_matches(value, options, n=1, cutoff=0.4)
            remedy = f"{key}={close[0]}" if close else f"{key}={'|'.join(options)}, or {key}.NAME={value}"
            yield Problem(key, value, f"{key} is a group with the options {', '.join(options)}", remedy)


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
    known = _keys(OmegaConf.to_container(config, resolve=False))
    for item in values:
        key = item.key_or_group
        if is_free(key):
            yield from _unmarked(item, known)
        elif key not in known:
            remedy = RETIRED.get(key.rpartition(".")[2]) or nearest(key, known)
            yield Problem(key, item.get_value_string(), "there is no such parameter", remedy)


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


def _keys(node: Any, prefix: str = "") -> list[str]:
    """Returns the dotted key of every value and of every mapping."""
    if not isinstance(node, dict):
        return []
    below = [(f"{prefix}{key}", value) for key, value in node.items()]
    return [name for key, value in below for name in (key, *_keys(value, f"{key}."))]


def _unswept(parsed: Sequence[Override], multirun: bool) -> Iterator[Problem]:
    for item in parsed:
        if item.is_sweep_override() and not multirun:
            remedy = f"lora-sweep -m {item.input_line}"
            yield Problem(item.key_or_group, item.get_value_string(), "several values need a multirun", remedy)


def _unswept_space(config: DictConfig, line: Line) -> Iterator[Problem]:
    if config.get(search_space.GROUP) and not line.multirun:
        rule = "a search space holds several values, which need a multirun"
        yield Problem(search_space.GROUP, ", ".join(config[search_space.GROUP]), rule, "lora-sweep -m …")


def _deeper(search_path: list[str], options: GroupOptions, overrides: list[str]) -> list[Problem]:
    """Finds what the sound overrides get wrong in their values."""
    try:
        understand(lambda more: compose("config", [*search_path, *more]), options, overrides)
    except ConfigurationError as error:
        return error.problems
    except HydraException as error:
        return [Problem("command", " ".join(overrides), str(error).splitlines()[0], "lora-sweep --help")]
    return []
