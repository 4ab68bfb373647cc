"""The parameters that differ between configurations, and where their values stand on an axis."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axis import Axis
from matplotlib.ticker import MaxNLocator

from analysis.configuration import SEED, Configuration
from analysis.evidence import Evidence
from analysis.figures.style import shown
from analysis.numeric import is_number

FEW = 8
"""Values up to which each has its own tick."""

_RATIO = 8
"""Largest over smallest value from which on an axis may be logarithmic; a learning rate's always is."""

_CLOSE = 0.1
"""Share of an axis by which ticks must lie apart; closer values are put at even distances instead."""


@dataclass(frozen=True)
class Varied:
    """A parameter's axis.

    Attributes:
        key: Its dotted name.
        is_log: True where positions are decimal logarithms.
        levels: Its values in order, where each has its own tick; else empty.
        ticks: Positions and labels.
        gap: Least distance of two levels; 0 where there are none.
        position: Where a value stands; None for one that is not on the axis.
    """

    key: str
    is_log: bool
    levels: tuple[Any, ...]
    ticks: tuple[tuple[float, str], ...]
    gap: float
    limits: tuple[float, float]
    position: Callable[[Any], float | None]

    @property
    def words(self) -> str:
        """The axis's label."""
        return f"{shown(self.key, 30)} (log)" if self.is_log else shown(self.key)

    def at(self, configuration: Configuration) -> float | None:
        """Returns where a configuration stands."""
        return self.position(value_of(configuration.params, self.key))

    def label(self, axis: Axis, letters: int) -> None:
        """Puts the ticks on a horizontal axis: long names on several lines, and aslant where they would touch.

        Args:
            axis: Of matplotlib's.
            letters: How many have room along it.
        """
        words = [folded(shown(words, 26)) for _, words in self.ticks]
        widths = [max(map(len, item.split("\n"))) for item in words]
        span = self.limits[1] - self.limits[0]
        pairs = itertools.pairwise(zip(self.ticks, widths, strict=True))
        rooms = [((right[0] - left[0]) / span * letters, one + other) for (left, one), (right, other) in pairs]
        is_tight = any(both / 2 + 0.5 > room for room, both in rooms)
        axis.set_ticks([at for at, _ in self.ticks], words, rotation=35 if is_tight else 0)


def value_of(params: Mapping[str, Any], key: str) -> Any:
    """Returns a parameter; that of a whole group, such as `data`, is its name."""
    return params.get(key, params.get(f"{key}.name"))


def folded(words: str, line: int = 11) -> str:
    """Returns words in lines that end at an underscore, a blank or a hyphen where they can."""
    if len(words) <= line:
        return words
    at = max(words.rfind(mark, 0, line) for mark in "_ -") + 1 or line
    return f"{words[:at].rstrip()}\n{folded(words[at:], line)}"


def varied(evidence: Evidence) -> list[Varied]:
    """Returns the axes of all parameters that differ between the configurations with a place, the important first."""
    configurations = [place.configuration for place in evidence.ranking.places]
    swept = [key for row in configurations for trial in row.trials for key in trial.swept]
    keys = dict.fromkeys([*(effect.key for effect in evidence.patterns.effects), *swept])
    axes = (_axis(key, [value_of(row.params, key) for row in configurations]) for key in keys if key != SEED)
    return [axis for axis in axes if axis is not None]


def number(value: float) -> str:
    """Returns a number as it is typed: 2e-4, 0.05, 1000."""
    if value and (abs(value) < 0.01 or abs(value) >= 1e5):
        mantissa, exponent = f"{value:.2e}".split("e")
        return f"{float(mantissa):g}e{int(exponent)}"
    return f"{value:.4g}"


def words_of(value: Any) -> str:
    """Returns a parameter's value as an axis shows it; a pair is a range."""
    if is_number(value):
        return number(value)
    if isinstance(value, (tuple, list)) and len(value) == 2 and all(map(is_number, value)):
        return f"{number(value[0])} to {number(value[1])}"
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def _axis(key: str, values: Sequence[Any]) -> Varied | None:
    distinct = list({words_of(value): value for value in values}.values())
    if len(distinct) < 2:
        return None
    if all(map(is_number, distinct)):
        return _of_numbers(key, sorted(distinct))
    return _of_names(key, sorted(distinct, key=lambda value: (not is_number(value), words_of(value))))


def _of_names(key: str, levels: Sequence[Any], is_log: bool = False) -> Varied:
    places = {words_of(level): float(index) for index, level in enumerate(levels)}
    ticks = tuple((at, words) for words, at in places.items())
    return Varied(
        key, is_log, tuple(levels), ticks, 1.0, (-0.5, len(levels) - 0.5), lambda value: places.get(words_of(value))
    )


def _of_numbers(key: str, levels: Sequence[float]) -> Varied:
    # Values that were meant to be even lie about half way up; doubled ones lie far below.
    is_skewed = levels[len(levels) // 2] - levels[0] < 0.35 * (levels[-1] - levels[0])
    is_wide = levels[0] > 0 and levels[-1] / levels[0] >= _RATIO
    is_log = levels[0] > 0 and (key.endswith("learning_rate") or (is_wide and is_skewed))

    def position(value: Any) -> float | None:
        if not is_number(value) or (is_log and value <= 0):
            return None
        return math.log10(value) if is_log else float(value)

    places = [math.log10(level) if is_log else float(level) for level in levels]
    span = places[-1] - places[0]
    if len(levels) > FEW:
        low, high = places[0] - 0.04 * span, places[-1] + 0.04 * span
        return Varied(key, is_log, (), _ticks(is_log, low, high), 0.0, (low, high), position)
    gap = min(right - left for left, right in itertools.pairwise(places))
    if gap < _CLOSE * span:
        return _of_names(key, levels)
    margin = max(0.45 * gap, 0.06 * span)
    ticks = tuple(zip(places, map(number, levels), strict=True))
    return Varied(key, is_log, tuple(levels), ticks, gap, (places[0] - margin, places[-1] + margin), position)


def _ticks(is_log: bool, low: float, high: float) -> tuple[tuple[float, str], ...]:
    """Returns about five round numbers within limits."""
    if not is_log:
        found = [at for at in MaxNLocator(5).tick_values(low, high) if low <= at <= high]
        return tuple((float(at), number(float(at))) for at in found)
    for steps in ((1, 2, 5), (1, 3), (1,)):
        decades = range(math.floor(low), math.ceil(high) + 1)
        values = [step * 10.0**decade for decade in decades for step in steps]
        inside = [value for value in values if low <= math.log10(value) <= high]
        if len(inside) <= 6:
            break
    thin = -(-len(inside) // 6)
    return tuple((math.log10(value), number(value)) for value in inside[::thin])
