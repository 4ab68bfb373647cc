"""Which point is tried next: the full grid in order, or a sampler's draws."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from sweeper.space import Space

Params = dict[str, Any]
Known = Callable[[Params], bool]


class Search(Protocol):
    """A source of points."""

    def next(self, number: int, known: Known) -> Params | None:
        """Returns the point for the trial that will get this number, or None where there are no more.

        Args:
            number: The number of trials proposed so far.
            known: Whether a point is a trial of this sweep already.
        """
        ...


ATTEMPTS = 5
"""How often a sampler is asked for a point that is not known."""


class Draws(Protocol):
    """Draws points with what is known so far; Optuna's study does."""

    def draw(self, number: int, attempt: int) -> Params:
        """Returns the sampler's point for a trial number; another attempt gives another point.

        From `ATTEMPTS` on a point is random: a sampler that repeats known points so often has converged on them.
        """
        ...


class Grid:
    """Every combination of a discrete space, the last axis varying fastest."""

    def __init__(self, space: Space) -> None:
        self._points = space.grid()

    def next(self, number: int, known: Known) -> Params | None:
        """Returns the next combination that is no trial yet."""
        return next((point for point in self._points if not known(point)), None)


class Sampled:
    """Points drawn one by one, each with the results known by then, none twice."""

    def __init__(self, space: Space, n_trials: float, draws: Draws) -> None:
        self._total = min(n_trials, space.size)
        self._space = space
        self._draws = draws

    def next(self, number: int, known: Known) -> Params | None:
        """Returns a new draw, or (where a finite space has few left) one of the points the sampler keeps missing."""
        if number >= self._total:
            return None
        draws = (self._draws.draw(number, attempt) for attempt in range(ATTEMPTS))
        points = itertools.chain(draws, self._missed(number), self._random(number))
        return next((point for point in points if not known(point)), None)

    def _missed(self, number: int) -> Iterator[Params]:
        """Yields all points of a finite space, in an order that depends on the number alone."""
        if math.isfinite(self._space.size):
            points = list(self._space.grid())
            random.Random(number).shuffle(points)
            yield from points

    def _random(self, number: int) -> Iterator[Params]:
        """Yields points of a space that has more than anybody can try: as many trials as were asked for are run."""
        if math.isinf(self._space.size):
            yield from (self._draws.draw(number, attempt) for attempt in range(ATTEMPTS, 10 * ATTEMPTS))
