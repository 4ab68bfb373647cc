"""Search spaces that live in YAML, in `conf/search_space/`: what the command line does not say, they do.

A leaf is Hydra's own sweep syntax (`choice(8,16)`), or a mapping whose parts the command line can set one by one
(`{low, high, log}`, `{low, high, step}`, `{values}`, each with an optional `when`), or a plain value or reference that
holds for every trial.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from sweeper.names import dotted, nearest, no_option
from sweeper.quoting import quoted
from sweeper.space import (
    MOST_VALUES,
    Axis,
    Choices,
    Conditions,
    GroupOptions,
    Interval,
    Space,
    axis_of,
    endless_range,
    problems_of,
)
from sweeper.validation import Problem

GROUP = "search_space"
PREFIX = f"{GROUP}."

_INTERVAL = {"low", "high", "log", "step", "when"}
_LIST = {"values", "when"}


def extended(space: Space, config: DictConfig, group_options: GroupOptions) -> tuple[Space, list[Problem]]:
    """Adds what a configuration's search space says to what the command line says, which goes before it.

    Args:
        space: The command line's.
        config: The composed configuration, its `search_space` included.
        group_options: Lists the options of a config group; empty for a key that is no group.

    Returns:
        The space, and everything wrong with the search space.
    """
    node = config.get(GROUP)
    if node is not None and not isinstance(node, DictConfig):
        rule = "a search space is a mapping of groups to parameters"
        return space, [Problem(GROUP, node, rule, "lora: {r: {values: [8, 16]}}")]
    reader = _Reader(space, config, group_options)
    for key, leaf in _leaves(node):
        reader.read(key, leaf)
    axes = (*space.axes, *reader.axes)
    wrong = {axis.key: found for axis in axes if (found := list(_condition_problems(axis, axes, config)))}
    problems = [*reader.problems, *(problem for found in wrong.values() for problem in found)]
    kept = _settled([axis for axis in axes if axis.key not in wrong], config)
    return Space(tuple(kept), (*space.fixed, *reader.fixed)), problems


def _leaves(node: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yields the dotted key of every axis and value, with its mapping or its text as it stands in the file."""
    if not isinstance(node, DictConfig):
        return
    for name in map(str, node):
        key, raw = f"{prefix}{name}", OmegaConf.to_container(node, resolve=False)[name]  # type: ignore[index, call-overload]
        if isinstance(raw, dict) and not _is_axis(raw):
            yield from _leaves(node[name], f"{key}.")
        else:
            yield key, _Leaf(node, name, raw)


def _is_axis(raw: Mapping[Any, Any]) -> bool:
    return "values" in raw or "low" in raw or "high" in raw


@dataclasses.dataclass(frozen=True)
class _Leaf:
    parent: DictConfig
    name: str
    raw: Any

    def resolved(self) -> Any:
        value = self.parent[self.name]
        return OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value


class _Reader:
    """Collects axes, values that hold for every trial, and problems."""

    def __init__(self, space: Space, config: DictConfig, group_options: GroupOptions) -> None:
        parsed = OverridesParser.create().parse_overrides(list(space.fixed))
        self._said = {axis.key for axis in space.axes} | {item.key_or_group for item in parsed}
        self._config, self._group_options = config, group_options
        self._known = dotted(OmegaConf.to_container(config, resolve=False))
        self.axes: list[Axis] = []
        self.fixed: list[str] = []
        self.problems: list[Problem] = []

    def read(self, key: str, leaf: _Leaf) -> None:
        if key in self._said or leaf.raw is None:
            return
        try:
            self._read(key, leaf)
        except (HydraException, OmegaConfBaseException, ValueError, TypeError, KeyError, ArithmeticError) as error:
            rule = f"is no axis ({next(iter(str(error).splitlines()), '')})"
            self.problems.append(Problem(f"{PREFIX}{key}", leaf.raw, rule, "choice(8,16), or {low: 1e-5, high: 1e-3}"))

    def _read(self, key: str, leaf: _Leaf) -> None:
        if isinstance(leaf.raw, dict):
            self._add(_from_mapping(key, leaf.resolved(), bool(self._group_options(key))))
        elif isinstance(leaf.raw, str) and (override := _sweep(key, leaf)) is not None:
            endless = endless_range(override)
            if endless is not None:
                self.problems.append(_placed(endless))
            else:
                self._add(axis_of(override, self._group_options))
        elif "." in key or self._group_options(key):  # anything else is a name for bounds to refer to
            self._fix(key, leaf)

    def _fix(self, key: str, leaf: _Leaf) -> None:
        leaf.resolved()  # a reference that leads nowhere is said here
        options = self._group_options(key)
        if options and leaf.raw not in options:
            self.problems.append(_placed(no_option(key, leaf.raw, options)))
        elif not options and key not in self._known and not self._is_free(key):
            meant = nearest(key, self._known)
            remedy = f"{PREFIX}{meant}" if meant in self._known else meant
            self.problems.append(_placed(Problem(key, leaf.raw, "there is no such parameter", remedy)))
        else:
            is_reference = isinstance(leaf.raw, str) and leaf.raw.startswith("${")
            self.fixed.append(f"{key}={leaf.raw if is_reference else quoted(leaf.raw)}")

    def _is_free(self, key: str) -> bool:
        """True inside a mapping that takes any key, as `lora.kwargs` does."""
        return any(isinstance(OmegaConf.select(self._config, parent), DictConfig) for parent in _parents(key))

    def _add(self, axis: Axis) -> None:
        wrong = problems_of(axis)
        if isinstance(axis, Choices) and axis.is_group:
            options = self._group_options(axis.key)
            wrong += [no_option(axis.key, value, options) for value in axis.values if value not in options]
        self.problems += map(_placed, wrong)
        self.axes += [] if wrong else [axis]


def _placed(problem: Problem) -> Problem:
    """Returns a problem under the key of the search space."""
    return dataclasses.replace(problem, key=f"{PREFIX}{problem.key}")


def _parents(key: str) -> Iterator[str]:
    """Yields the mappings inside a group that a key lies in: `lora.kwargs` of `lora.kwargs.use_dora`."""
    parts = key.split(".")
    yield from (".".join(parts[:length]) for length in range(2, len(parts)))


def _sweep(key: str, leaf: _Leaf) -> Override | None:
    """Returns a text in Hydra's sweep syntax as the override it is, None for any other text."""
    must_parse = re.match(r"\s*(choice|range|interval|tag|glob|shuffle|sort)\(", leaf.raw) is not None
    is_list = re.fullmatch(r"[^\s\"'{}]+(,[^\s\"'{}]+)+", leaf.raw) is not None  # a sentence may hold commas, too
    if not must_parse and not is_list:
        return None
    override = OverridesParser.create().parse_override(f"{key}={leaf.resolved()}")
    return override if override.is_sweep_override() else None


def _from_mapping(key: str, parts: Mapping[str, Any], is_group: bool) -> Axis:
    when = _conditions(parts.get("when") or {})
    if unknown := set(parts) - (_LIST if "values" in parts else _INTERVAL):
        raise ValueError(f"there is no {', '.join(sorted(unknown))} in it")
    if "values" in parts:
        return Choices(key, tuple(parts["values"]), is_group, when)
    low, high = parts["low"], parts["high"]
    for bound in (low, high):
        if isinstance(bound, bool) or not isinstance(bound, (int, float)):
            raise TypeError(f"{bound!r} is no number")
    if parts.get("step") is not None and parts.get("log"):
        raise ValueError("a step and a logarithmic scale exclude each other")
    if parts.get("step") is not None:
        return Choices(key, _stepped(low, high, parts["step"]), when=when)
    return Interval(key, low, high, bool(parts.get("log")), isinstance(low, int) and isinstance(high, int), when)


def _stepped(low: float, high: float, step: float) -> tuple[float, ...]:
    if not step > 0 or not math.isfinite(low + high):
        raise ValueError("a step is above 0, between finite bounds")
    if (high - low) / step > MOST_VALUES:
        raise ValueError(f"it holds more than {MOST_VALUES:,} values")
    # Both bounds included, as Optuna has it; rounded, since 3 * 0.1 is no 0.3.
    return tuple(low + round(index * step, 12) for index in range(math.floor((high - low) / step + 1e-9) + 1))


def _conditions(when: Any) -> Conditions:
    if not isinstance(when, dict):
        raise TypeError("when maps parameters to values, as {training.optim: adafactor}")
    return tuple((key, tuple(value) if isinstance(value, list) else (value,)) for key, value in _flat(when))


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _settled(axes: Sequence[Axis], config: DictConfig) -> list[Axis]:
    """Returns the axes that can exist, each with the conditions that only a trial can meet."""
    while True:
        varied = {axis.key for axis in axes}
        kept = [axis for axis in axes if all(_holds(config, *item) for item in axis.when if item[0] not in varied)]
        if len(kept) == len(axes):
            break
        axes = kept  # what depended on a dropped axis now depends on that parameter's one value
    return [dataclasses.replace(axis, when=tuple(item for item in axis.when if item[0] in varied)) for axis in axes]


def _holds(config: DictConfig, key: str, values: tuple[Any, ...]) -> bool:
    return _value(config, key) in values


def _value(config: DictConfig, key: str) -> Any:
    value = OmegaConf.select(config, key)
    return value.get("name") if isinstance(value, DictConfig) else value  # a config group is known by its name


def _condition_problems(axis: Axis, axes: Sequence[Axis], config: DictConfig) -> Iterator[Problem]:
    by_key = {other.key: other for other in axes}
    for key, values in axis.when:
        place = f"{PREFIX}{axis.key}.when.{key}"
        if key not in by_key and OmegaConf.select(config, key) is None:
            yield Problem(place, list(values), "there is no such parameter", "the dotted name of another parameter")
        elif key in by_key and not isinstance(by_key[key], Choices):
            yield Problem(place, list(values), f"{key} is an interval", "a parameter with listed values")
        elif key in by_key and (missing := [item for item in values if item not in by_key[key].values]):  # type: ignore[union-attr]
            yield Problem(place, missing, f"{key} never has this value here", f"one of {_words(by_key[key])}")
        elif _depends(key, axis.key, by_key):
            yield Problem(place, list(values), f"{key} depends on {axis.key} itself", "leave the condition out")


def _words(axis: Axis) -> str:
    return ", ".join(map(str, axis.values)) if isinstance(axis, Choices) else ""


def _depends(key: str, on: str, axes: Mapping[str, Axis]) -> bool:
    """True where an axis exists only under conditions on another one, however far away."""
    seen, waiting = set[str](), [key]
    while waiting:
        current = waiting.pop()
        if current == on:
            return True
        if current in axes and current not in seen:
            seen.add(current)
            waiting += [other for other, _ in axes[current].when]
    return False
