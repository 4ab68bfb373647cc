"""A sweep replayed inside this process by several workers whose events arrive in any order."""

from __future__ import annotations

import random
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra

from sweeper.command import Command, group_options_of, understand
from sweeper.decisions import Objective, Pruner
from sweeper.driver import Driver
from sweeper.event_log import EventLog, read
from sweeper.executors import Executor
from sweeper.halving import Halving
from sweeper.history import History, Trial
from sweeper.interruption import Interruption
from sweeper.paths import SweepPaths
from sweeper.planner import Planner
from sweeper.program import Exhausted, Finished, Skipped
from sweeper.run import conductor
from sweeper.search import Grid, Sampled, Search
from sweeper.study import Study
from trainers.registry import Resources, make
from trainers.seam import Command as Order
from trainers.seam import Event, Worker

CONF = Path(__file__).parents[1] / "conf"


class Unpunctual:
    """A worker whose events arrive when a die says so."""

    def __init__(self, worker: Worker, dice: random.Random) -> None:
        self._worker, self._dice, self._held = worker, dice, list[Event]()

    def advance(self, commands: Sequence[Order]) -> Iterator[Event]:
        """Obeys at once, and says so later."""
        self._held += self._worker.advance(commands)
        while self._held and self._dice.random() < 0.3:
            yield self._held.pop(0)


class Unpunctuals:
    """An executor of several of them."""

    def __init__(self, table: Path, workers: int, seed: int) -> None:
        dice = random.Random(seed)
        self.workers = [Unpunctual(make("replay", Resources(table=str(table))), dice) for _ in range(workers)]

    def wait(self, timeout_s: float) -> None:
        """Returns at once: the next throw of the die is due."""

    def close(self) -> None:
        """There is nothing to end."""


def understood(table: Path, *arguments: str) -> Command:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        loader = GlobalHydra.instance().config_loader()
        return understand(
            lambda overrides: compose("config", list(overrides)),
            group_options_of(loader),
            ["trainer=replay", f"replay.table={table}", *arguments],
        )


def replay(
    folder: Path,
    asked: Command,
    table: Path,
    *,
    workers: int = 1,
    seed: int = 0,
    stop_when: Callable[[History], bool] = lambda history: False,
    searched: Search | None = None,
    executor: Executor | None = None,
    limit_s: float | None = None,
) -> History:
    """Runs a sweep, or goes on with it.

    Args:
        folder: Where its log is.
        asked: The command.
        table: The recorded curves.
        workers: How many.
        seed: Of the order in which their events arrive.
        stop_when: Interrupts it, as Ctrl-C would.
        searched: Another source of points than the command's own.
        executor: Other workers.
        limit_s: After so long, no further trial starts.

    Returns:
        What the log says in the end.
    """
    settings = asked.settings
    objective = Objective(settings.sweep.metric, settings.sweep.resolved_direction)
    study = Study(asked.space, settings.sampler, settings.pruner, objective, settings.sweep.seed)
    pruner: Pruner = Halving(objective, **vars(asked.halving)) if asked.halving is not None else study
    search: Search = searched or (Grid(asked.space) if asked.is_grid else Sampled(asked.space, asked.total, study))
    paths = SweepPaths(folder)
    with (
        initialize_config_dir(str(CONF), version_base="1.3"),
        Interruption() as interruption,
        EventLog(paths.events) as log,
    ):
        history = History(log.history)
        study.restore(history.trials.values())
        driver = Driver(
            history=history,
            proposals=[],
            planner=Planner(asked.composer, search, study.fits, with_reference=False),
            log=log,
            executor=executor or Unpunctuals(table, workers, seed),
            objective=objective,
            pruner=pruner,
            views=[study, Stopper(interruption, history, stop_when)],
            paths=paths,
            interruption=interruption,
            limit_s=limit_s,
            total=asked.total,
            max_retries=settings.executor.max_retries,
        )
        driver.run()
    return History(read(paths.events))


def conduct(folder: Path, asked: Command, table: Path) -> tuple[History, dict[str, str], dict[str, Any]]:
    """Runs a procedure on one worker; returns what was recorded, why each stage decided as it did, what it settled."""
    settings, paths = asked.settings, SweepPaths(folder)
    objective = Objective(settings.sweep.metric, settings.sweep.resolved_direction)
    reasons: dict[str, str] = {}
    settled: dict[str, Any] = {}
    with (
        initialize_config_dir(str(CONF), version_base="1.3"),
        Interruption() as interruption,
        EventLog(paths.events) as log,
    ):
        history = History(log.history)
        for item in conductor(asked, objective, with_reference=False).rounds(history):
            if isinstance(item, Exhausted):
                reasons[item.stage] = "the budget is used up"
            if isinstance(item, (Exhausted, Finished)):
                settled = item.params
                break
            if isinstance(item, Skipped):
                reasons[item.name] = f"skipped: {item.reason}"
                continue
            Driver(
                history=history,
                proposals=[],
                planner=item.source,
                log=log,
                executor=Unpunctuals(table, 1, 0),
                objective=objective,
                pruner=item.pruner,
                views=[item.study],
                paths=paths,
                interruption=interruption,
            ).run()
            choice = item.conclude(history)
            if choice is not None:
                reasons[item.name] = choice.reason
        return history, reasons, settled


class Stopper:
    """Interrupts the sweep, as Ctrl-C would."""

    def __init__(self, interruption: Interruption, history: History, when: Callable[[History], bool]) -> None:
        self._interruption, self._history, self._when = interruption, history, when

    def apply(self, record: Mapping[str, Any], trial: Trial | None) -> None:
        """Follows the log."""
        if self._when(self._history):
            self._interruption.signal = signal.SIGINT
