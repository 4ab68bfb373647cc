"""The driver: plans, records, decides. It is the only one who does."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from sweeper.batches import halved, running
from sweeper.decisions import Alarms, Decision, Objective, Pruner, decide, silent
from sweeper.event_log import EventLog
from sweeper.executors import Executor
from sweeper.history import History, Trial
from sweeper.interruption import Interruption
from sweeper.paths import SweepPaths
from sweeper.patience import waits
from sweeper.places import Places
from sweeper.planner import Proposal
from sweeper.say import say
from sweeper.terminal import Say
from trainers.seam import (
    Blocked,
    Command,
    Ended,
    Event,
    Evicted,
    Failed,
    GoOn,
    Lost,
    Pause,
    Paused,
    Room,
    Rung,
    Saved,
    Start,
    Stop,
    Worker,
)

_POLL_S = 0.2  # how long a request to stop may go unnoticed while every worker computes

_MANY = 1_000_000  # trials of a search that only time ends

# How many trials that cannot share a worker's pass are put aside in the search for one that can.
_AHEAD = 32


class Source(Protocol):
    """Where a stage's trials come from; `sweeper.planner.Planner` is one."""

    def next(self, history: History) -> list[Proposal]:
        """Returns the next trials to run, none when there are no more."""
        ...

    def belongs(self, trial: Trial) -> bool:
        """True for a trial of this stage."""
        ...


class View(Protocol):
    """Something that follows the log: Optuna's study, MLflow, the progress on the terminal."""

    def apply(self, record: Mapping[str, Any], trial: Trial | None) -> None:
        """Takes a record into account; the trial it is about has already done so."""
        ...


class Driver:
    """Runs one search on an executor's workers, as many trials on each as it has room for, without a barrier."""

    def __init__(
        self,
        *,
        history: History,
        proposals: Sequence[Proposal],
        planner: Source,
        log: EventLog,
        executor: Executor,
        objective: Objective,
        pruner: Pruner,
        views: Sequence[View],
        paths: SweepPaths,
        interruption: Interruption,
        limit_s: float | None = None,
        keeps_adapters: bool = True,
        total: float = 1,
        goes_on_from: Callable[[Path], bool] = Path.is_dir,
        max_retries: int = 3,
        alarms: Alarms = silent,
        tell: Say = say,
    ) -> None:
        self._history = history
        self._planner, self._log, self._executor, self._views = planner, log, executor, views
        self._objective, self._pruner, self._paths, self._interruption = objective, pruner, paths, interruption
        self._alarms = alarms
        self._waiting = [trial for trial in history.unfinished if not trial.paused]
        self._planned, self._exhausted = list(proposals), False
        self._goes_on_from = goes_on_from
        self._places, self._max_retries = Places(executor.workers, max_retries), max_retries
        self._tell, self._blocked = tell, set[str]()
        self._share = math.ceil(min(total, _MANY) / max(1, len(executor.workers)))
        self._keeps_adapters = keeps_adapters
        self._deadline = math.inf if limit_s is None else time.monotonic() + limit_s
        self.out_of_time = False
        self._decided: dict[str, Decision] = {}

    def run(self) -> bool:
        """Runs until every trial has ended.

        Returns:
            True when the sweep is done, False when it was interrupted.
        """
        commands = self._fill()
        while self._places:
            for worker in self._executor.workers:
                answers: list[Command] = []
                for event in worker.advance(commands.pop(id(worker), [])):
                    answers += self._receive(event, worker)
                    if isinstance(event, Blocked) and self._interruption.requested:
                        return False
                held = self._places.held(worker)  # a worker may have died after it asked
                commands[id(worker)] = [answer for answer in answers if answer.trial in held]
            if self._interruption.requested:
                return False
            for key, starts in self._fill().items():
                commands[key] += starts
            if not any(commands.values()):
                self._executor.wait(_POLL_S)
        return True

    def _fill(self) -> dict[int, list[Command]]:
        """Gives every worker the trials it has room for; one that waits for others in vain is told to go on."""
        commands: dict[int, list[Command]] = {}
        for worker in self._executor.workers:
            starts: list[Command] = []
            while self._places.free(worker) and (trial := self._next(worker)) is not None:
                starts.append(self._start(trial, worker))
            alone = None if starts else self._places.unanswered(worker)
            commands[id(worker)] = starts if alone is None else [GoOn(alone)]
        return commands

    def _start(self, trial: Trial, worker: Worker) -> Start:
        state = self._paths.state(trial.id)
        from_step = trial.state_step if self._goes_on_from(state / str(trial.state_step)) else 0
        self._places.take(trial, worker)
        self._record("started", {"trial": trial.id, "from_step": from_step})
        return Start(trial.id, running(trial), str(self._paths.adapter(trial.id)), str(state), from_step, self._share)

    def _next(self, worker: Worker) -> Trial | None:
        """Returns the trial that starts or goes on next on a worker: what was promoted comes before what is new."""
        self._waiting += self._compare()
        while (trial := self._fitting(worker)) is None and not self._exhausted and len(self._waiting) < _AHEAD:
            self._waiting += self._plan()
            self._waiting += [] if self._waiting else self._compare()
        if trial is not None:
            self._waiting.remove(trial)
        return trial

    def _fitting(self, worker: Worker) -> Trial | None:
        """Returns the first trial in the queue that a worker can take; when the time is up, only what has begun."""
        late = [trial for trial in self._waiting if trial.started is None] if self._is_late else []
        self.out_of_time = self.out_of_time or bool(late)
        return next((item for item in self._waiting if item not in late and self._places.fits(item, worker)), None)

    @property
    def _is_late(self) -> bool:
        return time.monotonic() >= self._deadline

    def _plan(self) -> list[Trial]:
        if self._is_late:
            self._exhausted = True
            self.out_of_time = self.out_of_time or bool(self._planned or self._planner.next(self._history))
            return []
        planned, self._planned = self._planned or self._planner.next(self._history), []
        self._exhausted = not planned
        return [self._propose(proposal) for proposal in planned]

    def _compare(self) -> list[Trial]:
        """Lets the pruner judge paused trials, round by round; returns those that go on."""
        mine = [trial for trial in self._history.contenders if self._planner.belongs(trial)]
        strays = [trial for trial in self._history.contenders if trial.paused and not self._planner.belongs(trial)]
        for trial in strays:  # they have no rivals here
            self._judge(trial, Decision("is a trial of an earlier command"))
        promoted = strays
        while not promoted and (judged := self._pruner.compare(mine, self._exhausted)):
            for trial, decision in judged:
                self._judge(trial, decision)
            promoted = [trial for trial, decision in judged if decision.outcome is None]
        return promoted

    def _judge(self, trial: Trial, decision: Decision) -> None:
        self._record("decided", {"trial": trial.id, "step": trial.last_step, **vars(decision)})
        if decision.outcome is None:
            self._record("promoted", {"trial": trial.id, "step": trial.last_step})
        else:  # it is on no worker: nobody has to be told
            self._end(Ended(trial.id, trial.last_step, None), {"outcome": decision.outcome, "reason": decision.reason})

    def _propose(self, proposal: Proposal) -> Trial:
        self._record(
            "proposed",
            {
                "trial": proposal.id,
                "number": proposal.number,
                "params": proposal.params,
                "config": dataclasses.asdict(proposal.config),
                "stage": proposal.stage,
                "short": proposal.short,
                "content": proposal.content,
            },
        )
        return self._history.trials[proposal.id]

    def _receive(self, event: Event, worker: Worker) -> list[Command]:
        """Records an event, and answers it where it asks for a decision."""
        if isinstance(event, Room):
            self._places.offer(worker, event.places)
            return []
        if isinstance(event, Blocked):
            self._block(event)
            return []
        self._unblock(event.trial)
        match event:
            case Ended():
                decision = self._decided.pop(event.trial)
                self._end(event, {"outcome": decision.outcome, "reason": decision.reason})
            case Failed():
                self._fail(event)
            case Paused():
                self._places.leave(event.trial)
                self._record("paused", vars(event), durable=True)
            case Evicted():
                self._places.leave(event.trial, turned_away=event.seconds is None)
                self._record("evicted", vars(event), durable=True)
                self._waiting.insert(0, self._history.trials[event.trial])
            case Lost():
                self._lose(event)
            case Rung():
                self._record("rung", vars(event))
                return [self._decide(event)]
            case _:
                self._record(type(event).__name__.lower(), vars(event), durable=isinstance(event, Saved))
        return []

    def _block(self, event: Blocked) -> None:
        """Says once that a worker cannot write what it must."""
        if event.trial not in self._blocked:
            self._tell(waits(event.reason))
        self._blocked.add(event.trial)

    def _unblock(self, trial: str) -> None:
        if trial in self._blocked:
            self._blocked.discard(trial)
            self._tell("It can be written again: the sweep goes on.")

    def _lose(self, event: Lost) -> None:
        """Has a trial whose worker died go on from its last state, before all others, as often as is allowed."""
        trial = self._history.trials[event.trial]
        fields = {"trial": event.trial, "step": trial.last_step, "reason": event.reason, "alone": event.alone}
        self._record("lost", {**fields, "seconds": None, "peak_memory_mib": None}, durable=True)
        if event.alone and trial.deaths > self._max_retries:
            tries = "1 try" if trial.deaths == 1 else f"{trial.deaths} tries"
            self._end(Failed(trial.id, "failed", f"{event.reason}, after {tries}", event.detail), {})
        else:
            self._places.lose(trial.id)
            self._waiting.insert(0, trial)

    def _fail(self, event: Failed) -> None:
        """Ends a trial; one that memory did not last for is tried again with smaller batches first."""
        trial = self._history.trials[event.trial]
        smaller = halved(running(trial)) if event.outcome == "out_of_memory" else None
        if smaller is None:
            self._end(event, {})
            return
        self._places.leave(trial.id)
        self._record("reduced", {"trial": trial.id, "step": trial.last_step, "reason": event.reason, **smaller})
        self._waiting.insert(0, trial)

    def _end(self, event: Ended | Failed, fields: Mapping[str, Any]) -> None:
        self._places.leave(event.trial)
        self._record(type(event).__name__.lower(), {**vars(event), **fields}, durable=True)

    def _decide(self, rung: Rung) -> Command:
        trial = self._history.trials[rung.trial]
        decision = decide(trial, rung.step, rung.values, self._objective, self._pruner, alarms=self._alarms)
        decision = dataclasses.replace(decision, keep=decision.keep and self._keeps_adapters)
        self._record("decided", {"trial": rung.trial, "step": rung.step, **vars(decision)})
        if decision.pause:
            return Pause(rung.trial, decision.keep)
        if decision.outcome is None:
            return GoOn(rung.trial, decision.keep, save=True)
        self._decided[rung.trial] = decision
        return Stop(rung.trial, decision.keep)

    def _record(self, event: str, fields: Mapping[str, Any], durable: bool = False) -> None:
        record = self._log.append(event, fields, durable)
        trial = self._history.apply(record)
        for view in self._views:
            view.apply(record, trial)
