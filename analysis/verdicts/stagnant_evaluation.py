"""Evaluations that are identical: what is evaluated does not change."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Sequence

from analysis.curve import Curve, Point
from analysis.levels import finite, values_of
from analysis.strength import strength
from analysis.thresholds import Thresholds
from analysis.verdict import Verdict


def stagnant_evaluation(curve: Curve, thresholds: Thresholds) -> Verdict | None:
    """Says that successive evaluations are identical up to the last one.

    Two are enough where they are the first and written with so many digits that it is no rounding. Otherwise `stagnant`
    are needed, and a curve that came to rest at the precision it is written with is none: it moved by a few units of
    its last digit before.
    """
    evals = finite(curve.evals)
    same = list(itertools.takewhile(lambda point: point[1] == evals[-1][1], reversed(evals)))
    is_whole = len(same) == len(evals)
    is_exact = bool(evals) and _unit(values_of(evals)) < _ROUNDED
    needed = thresholds.stagnant_at_first if is_whole and is_exact else thresholds.stagnant
    if len(same) < needed or (not is_whole and _came_to_rest(evals[: len(evals) - len(same) + 1])):
        return None
    steps = ", ".join(str(step) for step, _ in reversed(same[-_NAMED:]))
    told = f"{len(same)} evaluations in a row are {same[0][1]:.4f}, from steps {steps}{' …' * (len(same) > _NAMED)}"
    return Verdict("stagnant_evaluation", strength(len(same), needed), told, same[-1][0])


_NAMED = 3

_ROUNDED = 1e-5
"""The last digit of numbers that people write down: two that move by less than that look identical."""


def _came_to_rest(before: Sequence[Point]) -> bool:
    values = values_of(before)[-4:]
    moves = [abs(after - earlier) for earlier, after in itertools.pairwise(values)]
    return statistics.median(moves) <= _UNITS * _unit(values)


_UNITS = 20  # of the last digit


def _unit(values: Sequence[float]) -> float:
    """Returns the last digit's worth of the value that is written longest."""
    return 10.0 ** -max(len(f"{value!r}".partition(".")[2]) for value in values)
