"""One sweep from its event log to its leaderboard."""

from __future__ import annotations

import functools
import math
import shlex
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import sqlalchemy

from sweeper import driver_log, ending, tracking
from sweeper.adapters import Adapters
from sweeper.command import Command
from sweeper.decision_page import Decided, page
from sweeper.decisions import Objective
from sweeper.driver import Driver, View
from sweeper.event_log import EventLog
from sweeper.folders import Folders
from sweeper.halving import Halving
from sweeper.history import History
from sweeper.interruption import Interruption
from sweeper.mirror import Mirror
from sweeper.overview import Overview
from sweeper.paths import SweepPaths
from sweeper.planner import Proposal
from sweeper.program import Exhausted, Finished, Program, Round, Skipped
from sweeper.progress import Progress
from sweeper.recorded_facts import as_record
from sweeper.say import say
from sweeper.step_times import StepTimes
from sweeper.terminal import Say, terminal
from sweeper.validation import ConfigurationError, Problem
from sweeper.work import Work
from trainers import registry

_STACK = ("torch", "transformers", "peft", "trl", "bitsandbytes", "optuna", "hydra-core", "mlflow")

INTERRUPTED = 130  # what a shell reports for a command that Ctrl-C ended


class Session:
    """Runs what is still missing of a sweep, and reports."""

    def __init__(self, asked: Command, objective: Objective, program: Program, interruption: Interruption) -> None:
        self._asked, self._name, self._settings, self._objective = asked, asked.name, asked.settings, objective
        self._program, self._interruption = program, interruption
        self._decisions: dict[str, Decided] = {}
        self._settled: dict[str, Any] | None = None
        self._announced = False
        self._paths = SweepPaths(Path(asked.settings.sweep.dir) / asked.name)

    def run(self) -> int:
        """Continues the sweep until it is done or interrupted.

        Returns:
            0, 1 when no trial completed, 130 when it was interrupted.
        """
        with EventLog(self._paths.events) as log, driver_log.kept(self._paths.log):
            history = History(log.history)
            self._open(log)
            with Work(self._settings, self._paths, lambda: self._track(history)) as work:
                return self._conduct(log, history, work)

    def _conduct(self, log: EventLog, history: History, work: Work) -> int:
        """Runs the program's rounds, one after the other."""
        for item in self._program.rounds(history):
            if isinstance(item, Skipped):
                self._decide(log, item.name, f"skipped: {item.reason}", {})
                continue
            if isinstance(item, Finished):
                self._settled = item.params
                say(self._settling(item.params))
                break
            if isinstance(item, Exhausted):
                self._decide(log, item.stage, f"sweep.max_trials={self._settings.sweep.max_trials} is used up", {})
                say(f"{self._settling(item.params)}. The same command with a larger sweep.max_trials goes on.")
                self._settled = item.params if item.params != self._held else None  # nothing yet: the first place
                break
            item.restore(history)
            proposals = item.source.next(history)
            if proposals or history.unfinished:
                code = self._drive(log, history, work, item, proposals)
                if code is not None:
                    return code
            choice = item.conclude(history)
            if choice is not None:
                self._decide(log, item.name, choice.reason, choice.recorded)
        if not work.has_begun:
            say(f"Sweep {self._name} is complete: nothing left to train.")
        return self._report(work.track, history)

    @property
    def _held(self) -> Mapping[str, Any]:
        """What a procedure holds from the start."""
        return self._asked.procedure.hold if self._asked.procedure is not None else {}

    def _settling(self, params: Mapping[str, Any]) -> str:
        """Says what was settled, apart from what was held from the start."""
        held = self._held
        found = [f"{key}={value}" for key, value in params.items() if held.get(key) != value]
        kept = [f"{key}={value}" for key, value in params.items() if key in held and held[key] == value]
        told = f"Settled: {', '.join(found) or 'nothing'}"
        return f"{told} (held: {', '.join(kept)})" if kept else told

    def _decide(self, log: EventLog, stage: str, reason: str, fields: Mapping[str, Any]) -> None:
        """Says what became of a stage, and records it once."""
        say(f"Stage {stage}: {reason}")
        procedure = self._asked.procedure
        why = procedure.stages[stage].why if procedure is not None else ""
        self._decisions[stage] = Decided(reason, fields, why)
        known = [record for record in log.history if record["event"] == "chosen" and record["stage"] == stage]
        if not known or known[-1]["reason"] != reason:
            log.append("chosen", {"stage": stage, "reason": reason, **fields}, durable=True)

    def _report(self, track: tracking.Tracking, history: History) -> int:
        self._write_decisions(track)
        return ending.report(self._asked, self._paths, track, history, self._settled)

    def _write_decisions(self, track: tracking.Tracking) -> None:
        if self._decisions:
            text = page(self._decisions, self._objective.metric)
            self._paths.decisions.write_text(text, encoding="utf-8")
            track.decide({stage: decided.reason for stage, decided in self._decisions.items()}, text)

    def _open(self, log: EventLog) -> None:
        """Records what the sweep optimises, and refuses to go on with something else.

        Raises:
            ConfigurationError: Its trials were stopped, and their adapters kept, by another metric.
        """
        asked = {"metric": self._objective.metric, "direction": self._objective.direction}
        opened = next((record for record in log.history if record["event"] == "opened"), None)
        if opened is None:
            log.append("opened", {**asked, **self._facts(), "versions": {name: version(name) for name in _STACK}})
        for key, value in asked.items():
            if opened is not None and opened[key] != value:
                rule = f"sweep {self._name} has kept its adapters by {key} {opened[key]}"
                raise ConfigurationError([Problem(f"sweep.{key}", value, rule, f"sweep.name={self._name}-{value}")])

    def _facts(self) -> dict[str, Any]:
        """Returns what a procedure derives values from; nothing for a plain search."""
        if self._asked.asked is None:
            return {}
        config = self._asked.composer.trial(self._asked.example)[0]
        assert config is not None  # an understood command composes
        return as_record(self._asked.asked.facts, config)

    def _drive(self, log: EventLog, history: History, work: Work, item: Round, proposals: list[Proposal]) -> int | None:
        """Runs one round; returns an exit code where the sweep ends with it."""
        executor, track = work.executor, work.track  # in this order: workers load while the databases are opened
        overview = Overview(
            history,
            item.total,
            self._objective,
            item.source.belongs,
            share=item.pruner.share if isinstance(item.pruner, Halving) else None,
            limit_s=self._settings.sweep.limit_s,
        )
        with terminal(overview, self._objective.metric) as tell:
            driver = Driver(
                history=history,
                proposals=proposals,
                planner=item.source,
                log=log,
                executor=executor,
                objective=self._objective,
                pruner=item.pruner,
                views=self._views(history, track, overview, item, tell),
                paths=self._paths,
                interruption=self._interruption,
                limit_s=self._settings.sweep.limit_s,
                keeps_adapters=self._settings.sweep.kept_adapters > 0,
                total=item.total,
                goes_on_from=functools.partial(registry.goes_on_from, self._settings.trainer.name),
            )
            self._announce(history, item, tell)
            done = driver.run()
        if not done:
            return self._stopped(track, history)
        if driver.out_of_time:
            say(f"The time is up. To continue for as long again: {shlex.join(_command())}")
            return self._report(track, history)
        return None

    def _stopped(self, track: tracking.Tracking, history: History) -> int:
        self._write_decisions(track)
        track.close(finished=False, leaderboard=None)
        done = sum(trial.outcome is not None for trial in history.contenders)
        of = _counted(done) if self._asked.procedure is not None else f"{done} of {_counted(self._asked.total)}"
        say(f"Stopped after {of}. To continue: {shlex.join(_command())}")
        return INTERRUPTED

    def _views(
        self, history: History, track: tracking.Tracking, overview: Overview, item: Round, tell: Say
    ) -> list[View]:
        storage = self._settings.sweep.storage or _sqlite(self._paths.study)
        mirror = Mirror(item.study, storage, self._name, self._objective)
        mirror.restore(history.trials.values())
        kept = self._settings.sweep.kept_adapters
        adapters = Adapters(history.trials.values(), self._objective, self._paths, kept)
        progress = Progress(overview, item.total, self._objective, tell)
        return [item.study, Folders(self._paths), adapters, mirror, track, StepTimes(), overview, progress]

    def _track(self, history: History) -> tracking.Tracking:
        settings = self._settings
        artifacts = (Path(settings.sweep.dir) / "artifacts").resolve().as_uri()
        client, experiment = tracking.connect(settings.tracking.uri, settings.tracking.experiment, artifacts)
        shared = {f"executor.{key}": value for key, value in vars(settings.executor).items()}
        shared |= {"sweep.name": self._name}
        track = tracking.Tracking(client, experiment, self._name, self._objective, shared)
        track.restore(history.trials.values())
        return track

    def _announce(self, history: History, item: Round, tell: Say) -> None:
        if not self._announced:
            for severity, items in (("note", self._asked.notes), ("warning", self._asked.warnings)):
                for found in items:
                    tell(f"{severity}: {found.key}={found.value}: {found.rule}")
        self._announced = True
        done = sum(trial.outcome is not None for trial in history.contenders)
        kept = f", {done} of them measured already" if done else ""
        if self._asked.procedure is not None:
            known = sum(trial.outcome is not None for trial in history.contenders if item.source.belongs(trial))
            reused = f", {known} of them measured already" if known else ""
            trials = f"{_counted(item.total)}{reused}"
            tell(f"Sweep {self._name}, stage {item.name}: {trials}, compared by {self._objective.metric}")
        else:
            way = f", {self._asked.way}" if self._asked.space.axes else ""
            trials = f"{_counted(self._asked.total)}{self._same()}{kept}{way}"
            tell(f"Sweep {self._name}: {trials}, ranked by {self._objective.metric}")
        if self._asked.builds_tiny:
            tell("Building the bundled model first: half a minute, this once.")

    def _same(self) -> str:
        merged, total = self._asked.merged, self._asked.total
        if not merged:
            return ""
        verb = "is the same trial as another" if merged == 1 else "are the same trials as others"
        return f" ({merged} of {total + merged:g} points {verb})"


def _counted(trials: float) -> str:
    if math.isinf(trials):
        return "as many trials as the time allows"
    return "1 trial" if trials == 1 else f"{trials:g} trials"


def _sqlite(path: Path) -> str:
    return sqlalchemy.URL.create("sqlite", database=str(path)).render_as_string()


def _command() -> list[str]:
    name = Path(sys.argv[0]).name
    return [*(["python", "-m", "sweeper"] if name == "__main__.py" else [name]), *sys.argv[1:]]
