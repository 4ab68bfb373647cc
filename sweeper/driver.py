"""The driver: plans, records, decides. It is the only one who does."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from sweeper.decisions import Decision, Objective, Pruner, decide
from sweeper.event_log import EventLog
from sweeper.executors import Executor
from sweeper.history import History, Trial
from sweeper.interruption import Interruption
from sweeper.paths import SweepPaths
from sweeper.places import Places
from sweeper.planner import Proposal
from trainers.seam import Command, Ended, Event, Evicted, Failed, GoOn, Pause, Paused, Room, Rung, Start, Stop, Worker
from trainers.trial import from_mapping

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
    ) -> None:
        self._history = history
        self._planner, self._log, self._executor, self._views = planner, log, executor, views
        self._objective, self._pruner, self._paths, self._interruption = objective, pruner, paths, interruption
        self._waiting = [trial for trial in history.unfinished if not trial.paused]
        self._planned, self._exhausted = list(proposals), False
        self._goes_on_from = goes_on_from
        self._places = Places(executor.workers)
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
        config, adapter = from_mapping(trial.config), str(self._paths.adapter(trial.id))
        return Start(trial.id, config, adapter, str(state), from_step, self._share)

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
            },
        )
        return self._history.trials[proposal.id]

    def _receive(self, event: Event, worker: Worker) -> list[Command]:
        """Records an event, and answers it where it asks for a decision."""
        if isinstance(event, Room):
            self._places.offer(worker, event.places)
            return []
        if isinstance(event, Ended):
            decision = self._decided.pop(event.trial)
            self._end(event, {"outcome": decision.outcome, "reason": decision.reason})
        elif isinstance(event, Failed):
            self._end(event, {})
        elif isinstance(event, Paused):
            self._places.leave(event.trial)
            self._record("paused", vars(event), durable=True)
        elif isinstance(event, Evicted):
            self._evict(event)
        elif isinstance(event, Rung):
            self._record("rung", vars(event))
            return [self._decide(event)]
        else:
            self._record(type(event).__name__.lower(), vars(event))
        return []

    def _evict(self, event: Evicted) -> None:
        """Puts a trial back in the queue, before all others."""
        trial = self._history.trials[event.trial]
        self._places.leave(trial.id, turned_away=event.seconds is None)
        self._record("evicted", vars(event), durable=True)
        self._waiting.insert(0, trial)

    def _end(self, event: Ended | Failed, fields: Mapping[str, Any]) -> None:
        self._places.leave(event.trial)
        self._record(type(event).__name__.lower(), {**vars(event), **fields}, durable=True)

    def _decide(self, rung: Rung) -> Command:
        trial = self._history.trials[rung.trial]
        decision = decide(trial, rung.step, rung.values, self._objective, self._pruner)
        decision = dataclasses.replace(decision, keep=decision.keep and self._keeps_adapters)
        self._record("decided", {"trial": rung.trial, "step": rung.step, **vars(decision)})
        if decision.pause:
            return Pause(rung.trial, decision.keep)
        if decision.outcome is None:
            return GoOn(rung.trial, decision.keep)
        self._decided[rung.trial] = decision
        return Stop(rung.trial, decision.keep)

    def _record(self, event: str, fields: Mapping[str, Any], durable: bool = False) -> None:
        record = self._log.append(event, fields, durable)
        trial = self._history.apply(record)
        for view in self._views:
            view.apply(record, trial)
