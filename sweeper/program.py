"""What a sweep runs, round by round; a plain search is a program of one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from sweeper.comparison import Choice
from sweeper.decisions import Pruner
from sweeper.driver import Source
from sweeper.history import History
from sweeper.study import Study


@dataclass(frozen=True)
class Round:
    """One stage in the making: who proposes its trials, who prunes them, and Optuna's view of it.

    `total` is how many trials it has, infinite where only time ends it; `conclude` chooses the winners of a stage that
    has some; `reused` says what others had measured of it: trials, and steps.
    """

    name: str
    source: Source
    pruner: Pruner
    study: Study
    total: float
    conclude: Callable[[History], Choice | None] = lambda history: None
    reused: Callable[[History], Mapping[str, int]] = lambda history: {"trials": 0, "steps": 0}

    def restore(self, history: History) -> None:
        """Tells the study what was measured before."""
        self.study.restore(filter(self.source.belongs, history.contenders))


@dataclass(frozen=True)
class Skipped:
    """A stage that is not run, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Finished:
    """The end of a procedure: what it has settled on, beyond the configuration it began with."""

    params: dict[str, Any]


@dataclass(frozen=True)
class Exhausted:
    """The end of a procedure whose budget of trials did not reach: in which stage, and what it had settled on."""

    stage: str
    params: dict[str, Any]


Step = Round | Skipped | Finished | Exhausted


class Program(Protocol):
    """Yields rounds; what is known by the time the next one is asked for decides which it is."""

    def rounds(self, history: History) -> Iterator[Step]:
        """Yields each stage that has to be run or looked at, in order."""
        ...


@dataclass(frozen=True)
class Single:
    """The program of a plain search."""

    search: Round

    def rounds(self, history: History) -> Iterator[Round]:
        """Yields the search."""
        yield self.search
