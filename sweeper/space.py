"""Search spaces in Hydra's own syntax: `a,b`, `choice()`, `range()`, `interval()`, `tag(log, …)`."""

from __future__ import annotations

import dataclasses
import functools
import math
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Glob, IntervalSweep, Override, QuotedString, RangeSweep, Transformer

from sweeper.validation import Problem

Params = Mapping[str, Any]

GroupOptions = Callable[[str], Sequence[str]]
"""Lists the options of a config group; empty for a key that is no group."""

MOST_VALUES = 10_000
"""Of one axis, and of a grid that is checked point by point before it starts."""


Conditions = tuple[tuple[str, tuple[Any, ...]], ...]
"""Other axes' keys, each with the values at which an axis exists at all."""


@dataclass(frozen=True)
class Choices:
    """An axis with listed values, in the order they were typed. `is_group` where they are options of a config group."""

    key: str
    values: tuple[Any, ...]
    is_group: bool = False
    when: Conditions = ()


@dataclass(frozen=True)
class Interval:
    """An axis between two bounds, both included; `log` where it is drawn on a logarithmic scale."""

    key: str
    low: float
    high: float
    log: bool = False
    integer: bool = False
    when: Conditions = ()


Axis = Choices | Interval


@dataclass(frozen=True)
class Space:
    """What a command varies (`axes`) and what it sets once (`fixed`, as override strings)."""

    axes: tuple[Axis, ...]
    fixed: tuple[str, ...]

    @functools.cached_property
    def keys_set(self) -> frozenset[str]:
        """The keys that the command sets once."""
        return frozenset(item.partition("=")[0].lstrip("+~") for item in self.fixed)

    @property
    def is_discrete(self) -> bool:
        """True when every axis is a list, so that a full grid exists."""
        return all(isinstance(axis, Choices) for axis in self.axes)

    @functools.cached_property
    def size(self) -> float:
        """The number of distinct points, infinite where an axis is continuous."""
        if self._is_conditional and self._combinations <= MOST_VALUES:
            return len(list(self.grid()))
        return self._combinations

    @property
    def _combinations(self) -> float:
        return math.prod(_axis_size(axis) for axis in self.axes)

    @property
    def _is_conditional(self) -> bool:
        return any(axis.when for axis in self.axes)

    def grid(self) -> Iterator[dict[str, Any]]:
        """Yields every point of a finite space once, the last axis varying fastest."""
        points = (self.point(index) for index in range(int(self._combinations)))
        return _distinct(points) if self._is_conditional else points

    def point(self, index: int) -> dict[str, Any]:
        """Returns one combination of a finite space by its position in the grid, without the axes it rules out."""
        values: dict[str, Any] = {}
        for axis in reversed(self.axes):
            index, position = divmod(index, int(_axis_size(axis)))
            values[axis.key] = axis.values[position] if isinstance(axis, Choices) else int(axis.low) + position
        return self.active({axis.key: values[axis.key] for axis in self.axes})

    def active(self, point: Params) -> dict[str, Any]:
        """Returns a point without the axes whose conditions it does not meet."""
        return {axis.key: point[axis.key] for axis in self.axes if self.exists(axis, point)}

    def exists(self, axis: Axis, point: Params) -> bool:
        """True where a point meets the conditions of an axis, and those of the axes it depends on."""
        known = {other.key: other for other in self.axes}
        return all(
            key in point and point[key] in values and self.exists(known[key], point) for key, values in axis.when
        )


def _distinct(points: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    seen: set[str] = set()
    for point in points:
        if (key := repr(point)) not in seen:
            seen.add(key)
            yield point


def _axis_size(axis: Axis) -> float:
    if isinstance(axis, Choices):
        return len(axis.values)
    return axis.high - axis.low + 1 if axis.integer else math.inf


def parse(arguments: Sequence[str], group_options: GroupOptions) -> tuple[Space, list[Problem]]:
    """Splits a command's overrides into axes and fixed settings.

    Args:
        arguments: The task overrides as typed.
        group_options: Lists the options of a config group; empty for a key that is no group.

    Returns:
        The space, and everything wrong with it.
    """
    axes: list[Axis] = []
    fixed: list[str] = []
    problems: list[Problem] = []
    for override in _latest(OverridesParser.create().parse_overrides([as_list(text) for text in arguments])):
        if not override.is_sweep_override():
            fixed.append(str(override.input_line))
            continue
        if endless := endless_range(override):
            problems.append(endless)
            continue
        axis = axis_of(override, group_options)
        wrong = problems_of(axis)
        problems.extend(wrong)
        axes.extend([] if wrong else [axis])
    return Space(tuple(axes), tuple(fixed)), problems


def _latest(overrides: Sequence[Override]) -> Iterator[Override]:
    """Leaves out what a later override of the same key replaces, as Hydra does with values that are not swept."""
    swept = {item.key_or_group for item in overrides if item.is_sweep_override()}
    last = {item.key_or_group: index for index, item in enumerate(overrides)}
    yield from (
        item
        for index, item in enumerate(overrides)
        if item.key_or_group not in swept or last[item.key_or_group] == index
    )


def endless_range(override: Override) -> Problem | None:
    """Finds a `range()` that cannot be written out: its bounds are no numbers, or it holds too many."""
    value: Any = override.value()
    if not isinstance(value, RangeSweep):
        return None
    low, high, step = (math.nan if item is None else float(item) for item in (value.start or 0, value.stop, value.step))
    if math.isfinite(low + high + step) and step != 0 and (high - low) / step <= MOST_VALUES:
        return None
    rule = f"a range has finite bounds, a step, and at most {MOST_VALUES:,} values"
    return Problem(
        override.key_or_group, override.get_value_string(), rule, "interval(LOW,HIGH) with sweep.n_trials=20"
    )


def as_list(text: str) -> str:
    """Returns `executor.devices=0,2` as the list it means: GPUs are no values to compare."""
    key, _, value = text.partition("=")
    return f"{key}=[{value}]" if key == "executor.devices" and re.fullmatch(r"\s*\d+(\s*,\s*\d+)*\s*", value) else text


def typed(
    space: Space, integers: Collection[str], is_free: Callable[[str], bool] = lambda key: False
) -> tuple[Space, list[Problem]]:
    """Makes intervals of integer parameters integer, and others not: Hydra reads every bound as a float, YAML does not.

    Args:
        space: As parsed.
        integers: The keys that take integers only.
        is_free: True for a key of which nobody here knows what it takes; whole bounds then mean integers.

    Returns:
        The space, and the intervals in which no integer lies.
    """
    axes = tuple(
        _typed(axis, integers, is_free(axis.key)) if isinstance(axis, Interval) else axis for axis in space.axes
    )
    empty = [axis for axis in axes if isinstance(axis, Interval) and axis.low > axis.high]
    rule = "holds no integer, and this parameter takes nothing else"
    problems = [
        Problem(axis.key, f"interval({axis.low},{axis.high})", rule, f"{axis.key}=interval(1,8)") for axis in empty
    ]
    return dataclasses.replace(space, axes=axes), problems


def _typed(axis: Interval, integers: Collection[str], is_free: bool) -> Interval:
    if axis.key not in integers:
        return dataclasses.replace(axis, integer=axis.integer and is_free)
    return dataclasses.replace(axis, low=math.ceil(axis.low), high=math.floor(axis.high), integer=True)


def axis_of(override: Override, group_options: GroupOptions) -> Axis:
    """Returns the axis that a sweep override spans."""
    key = override.key_or_group.removeprefix("search_space.")  # an axis of a file, replaced from the shell
    value: Any = override.value()
    if isinstance(value, IntervalSweep):
        low: Any = value.start
        high: Any = value.end
        return Interval(key, low, high, "log" in value.tags, isinstance(low, int) and isinstance(high, int))
    options = group_options(key)
    if isinstance(value, Glob):
        return Choices(key, tuple(value.filter(list(options))), is_group=True)
    values = tuple(map(_plain, override.sweep_iterator(transformer=Transformer.identity)))
    return Choices(key, tuple(dict.fromkeys(values)) if _hashable(values) else values, is_group=bool(options))


def _plain(value: Any) -> Any:
    """Returns an element as Hydra sets it behind `key=`: its quotes are gone, those inside lists and mappings too."""
    if isinstance(value, QuotedString):
        return value.text
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {_plain(key): _plain(item) for key, item in value.items()}
    return value


def _hashable(values: tuple[Any, ...]) -> bool:
    return not any(isinstance(value, (list, dict)) for value in values)


def problems_of(axis: Axis) -> list[Problem]:
    """Finds what is wrong with an axis by itself."""
    if isinstance(axis, Interval):
        return list(_interval_problems(axis))
    remedy = f"{axis.key}=VALUE,VALUE"
    return [] if axis.values else [Problem(axis.key, "nothing", "a sweep needs at least one value", remedy)]


def _interval_problems(axis: Interval) -> Iterator[Problem]:
    bounds = f"interval({axis.low},{axis.high})"
    if not math.isfinite(axis.low) or not math.isfinite(axis.high):
        yield Problem(axis.key, bounds, "the bounds of an interval are finite numbers", "interval(1,64)")
        return
    if axis.low >= axis.high:
        yield Problem(axis.key, bounds, "the first bound must be the smaller", f"interval({axis.high},{axis.low})")
    if axis.log and axis.low <= 0:
        yield Problem(axis.key, bounds, "a logarithmic interval starts above 0", "tag(log,interval(1e-5,1e-3))")


def listed(axis: Axis) -> str:
    """Returns what an axis takes, as one would type it."""
    return ",".join(map(str, axis.values)) if isinstance(axis, Choices) else f"interval({axis.low:g},{axis.high:g})"
