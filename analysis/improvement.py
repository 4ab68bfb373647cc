"""How much a curve fell from its start to its end, and how sure that is."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from analysis.curve import Curve, Points
from analysis.levels import MEDIAN_ERROR, finite, noise, share, values_of


@dataclass(frozen=True)
class Improvement:
    """A relative fall, `share` of the start, positive where it fell, with its standard `error`.

    `start` and `end` are medians of the values there; `first` and `last` are single ones.
    """

    first: float
    last: float
    start: float
    end: float
    share: float
    error: float

    def at_least(self, sure: float) -> float:
        """Returns what it is beyond doubt."""
        return self.share - sure * self.error

    def at_most(self, sure: float) -> float:
        """Returns what it may be with the benefit of the doubt."""
        return self.share + sure * self.error


def improvement(points: Points, sure: float) -> Improvement | None:
    """Compares a curve's two ends.

    An end is a median of a fifth of the values, since single ones are noisy. But a loss may fall within its first few:
    where fewer values at the start show, beyond doubt, more than that, they are what is compared.

    Args:
        points: The curve.
        sure: Standard errors that are doubt.

    Returns:
        None for fewer than two finite values.
    """
    values = values_of(finite(points))
    if len(values) < 2:
        return None
    sigma, count = noise(values), max(1, len(values) // 5)
    found = _between(values, count, count, sigma)
    for fewer in sorted({1, len(values) // 20, len(values) // 10} - {0}, reverse=True):
        sharper = _between(values, fewer, count if sigma > _EXACT else 1, sigma)
        found = sharper if sharper.at_least(_CHOSEN * sure) > found.share else found
    return found


def _between(values: Sequence[float], early: int, late: int, sigma: float) -> Improvement:
    start, end = statistics.median(values[:early]), statistics.median(values[-late:])
    error = math.hypot(_error(sigma, early), _error(sigma, late))
    return Improvement(values[0], values[-1], start, end, share(start - end, start), error)


_CHOSEN = 1.5
"""Times as much doubt where the best of several looks is taken."""

_EXACT = 1e-3
"""A curve whose neighbours agree to this share is as good as exact: its last value is its end."""


def _error(sigma: float, count: int) -> float:
    return sigma * (MEDIAN_ERROR if count > 2 else 1.0) / math.sqrt(count)


def most_precise(found: Iterable[Improvement]) -> list[Improvement]:
    """Returns those whose error is about the least: what a noisy loss seems to say is nothing beside a quiet one."""
    items = list(found)
    least = min(item.error for item in items)
    return [item for item in items if item.error <= max(2 * least, _EXACT)]


def last_step(curve: Curve) -> int:
    """Returns the last step of which anything is known, 0 for none."""
    return max((part[-1][0] for part in (curve.losses, curve.evals, curve.learning_rates) if part), default=0)


def used(curve: Curve) -> float:
    """Returns the share of its steps that a run has used: 1 for one that is complete or whose length is unknown."""
    if curve.outcome == "complete" or not curve.steps:
        return 1.0
    return last_step(curve) / curve.steps


def bend(values: Sequence[float]) -> float:
    """Returns how far a falling curve lies under the line between its ends, on average, as a share of its fall.

    0 for a straight drift, 0.3 for an exponential of five time constants, 0.5 at most; 0 for one that does not fall.
    """
    fall, last = values[0] - values[-1], len(values) - 1
    if last < 1 or fall <= 0:
        return 0.0
    line = (values[0] - fall * at / last for at in range(len(values)))
    return sum(straight - value for straight, value in zip(line, values, strict=True)) / (max(1, last - 1) * fall)
