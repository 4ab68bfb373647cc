"""Which point is tried next: the full grid in order, or a sampler's draws."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from sweeper.space import Space

Params = dict[str, Any]
Known = Callable[[Params], bool]


class Search(Protocol):
    """A source of points."""

    total: int
    """How many trials the sweep asks for."""

    def next(self, number: int, known: Known) -> Params | None:
        """Returns the point for the trial that will get this number, or None where there are no more.

        Args:
            number: The number of trials proposed so far.
            known: Whether a point is a trial of this sweep already.
        """
        ...


class Draws(Protocol):
    """Draws points with what is known so far; Optuna's study does."""

    def draw(self, number: int, attempt: int) -> Params:
        """Returns the sampler's point for a trial number; another attempt gives another point."""
        ...


class Grid:
    """Every combination of a discrete space, the last axis varying fastest."""

    def __init__(self, space: Space) -> None:
        self.total = int(space.size)
        self._points = space.grid()

    def next(self, number: int, known: Known) -> Params | None:
        """Returns the next combination that is no trial yet."""
        return next((point for point in self._points if not known(point)), None)


class Sampled:
    """Points drawn one by one, each with the results known by then, none twice."""

    # A sampler that repeats known points this often in a row has nothing new to say.
    ATTEMPTS = 50

    def __init__(self, space: Space, n_trials: int, draws: Draws) -> None:
        self.total = int(min(n_trials, space.size))
        self._space = space
        self._draws = draws

    def next(self, number: int, known: Known) -> Params | None:
        """Returns a new draw, or (in a small discrete space) the first combination the sampler keeps missing."""
        if number >= self.total:
            return None
        draws = (self._draws.draw(number, attempt) for attempt in range(self.ATTEMPTS))
        point = next((point for point in draws if not known(point)), None)
        if point is None and self._space.is_discrete:
            return next((point for point in self._space.grid() if not known(point)), None)
        return point
