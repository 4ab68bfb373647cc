"""A factor's levels: its values or, where many were sampled, ranges of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from analysis.numeric import is_number
from analysis.patterns.values import order, same, words

Floats = npt.NDArray[np.float64]

MOST_VALUES = 6
"""Numbers up to which each is a level of its own, however seldom it was tried (ours)."""

FEW_EACH = 3
"""Configurations per value below which many values are cut into ranges (ours)."""


@dataclass(frozen=True)
class Split:
    """Levels in their order, and the level of each configuration.

    Attributes:
        values: The levels'; a pair (low, high) of the sampled values for a range.
        words: As they are shown.
        at: The level's index of each configuration.
        scaled: For ranges, each configuration's place between the lowest (-1) and the highest value (1), by ratio where
            they are compared by it; else None.
    """

    values: tuple[Any, ...]
    words: tuple[str, ...]
    at: npt.NDArray[np.int64]
    scaled: Floats | None = None

    @property
    def counts(self) -> npt.NDArray[np.int64]:
        """Configurations by level."""
        return np.bincount(self.at, minlength=len(self.values))

    def level(self, value: Any) -> int | None:
        """Returns the level that a value belongs to, of a trial that may have been none of these; None for none."""
        if self.scaled is None:
            return next((at for at, own in enumerate(self.values) if same(own) == same(value)), None)
        if not is_number(value):
            return None
        return sum(1 for _, high in self.values[:-1] if value > high)


def split(values: Sequence[Any]) -> Split:
    """Cuts a factor's values into levels.

    Args:
        values: Of each configuration.

    Returns:
        A level per value or, of numbers with more than `MOST_VALUES` that come less than `FEW_EACH` times each on
        average, up to four ranges that hold as many configurations each.
    """
    distinct = sorted({same(value): value for value in values}.values(), key=order)
    if len(distinct) > max(MOST_VALUES, len(values) / FEW_EACH) and all(map(is_number, distinct)):
        return _ranges(np.asarray(values, dtype=float))
    index = {same(value): at for at, value in enumerate(distinct)}
    at = np.array([index[same(value)] for value in values], dtype=np.int64)
    return Split(tuple(distinct), tuple(map(words, distinct)), at)


def by_ratio(low: float, high: float) -> bool:
    """True for numbers that are compared by their ratio: positive, over a factor of four or more (ours)."""
    return low > 0 and high >= 4 * low


def _ranges(values: Floats) -> Split:
    count = 2 if len(values) < 12 else 3 if len(values) < 20 else 4
    cuts = np.unique(np.quantile(values, np.arange(1, count) / count))
    at = np.searchsorted(cuts, values, side="left")
    _, at = np.unique(at, return_inverse=True)
    pairs = tuple((float(values[at == level].min()), float(values[at == level].max())) for level in range(at.max() + 1))
    return Split(pairs, tuple(f"{low:.2g} to {high:.2g}" for low, high in pairs), at.astype(np.int64), scaled(values))


def scaled(values: Floats) -> Floats:
    """Returns each number's place between the lowest (-1) and the highest (1), by ratio or by difference."""
    shown = np.log(values) if by_ratio(values.min(), values.max()) else values
    return np.asarray(2 * (shown - shown.min()) / np.ptp(shown) - 1)
