"""One sweep from its event log to its leaderboard."""

from __future__ import annotations

import math
import shlex
import sys
import warnings
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import sqlalchemy

from analysis import leaderboard
from analysis.records import TrialRow, open_store, read_sweep
from sweeper import executors, tracking
from sweeper.command import Command
from sweeper.decisions import Objective, Pruner
from sweeper.driver import Driver, View
from sweeper.event_log import EventLog
from sweeper.folders import Folders
from sweeper.history import History
from sweeper.interruption import Interruption
from sweeper.mirror import Mirror
from sweeper.paths import SweepPaths
from sweeper.planner import Planner, Proposal
from sweeper.progress import Progress
from sweeper.say import say
from sweeper.study import Study
from sweeper.validation import ConfigurationError, Problem

_STACK = ("torch", "transformers", "peft", "trl", "bitsandbytes", "optuna", "hydra-core", "mlflow")

INTERRUPTED = 130  # what a shell reports for a command that Ctrl-C ended


class Session:
    """Runs what is still missing of a sweep, and reports."""

    def __init__(
        self,
        *,
        asked: Command,
        objective: Objective,
        study: Study,
        pruner: Pruner,
        planner: Planner,
        interruption: Interruption,
    ) -> None:
        self._name, self._settings, self._objective = asked.name, asked.settings, objective
        self._total, self._merged = asked.total, asked.merged
        self._study, self._pruner, self._planner, self._interruption = study, pruner, planner, interruption
        self._paths = SweepPaths(Path(asked.settings.sweep.dir) / asked.name)
        self._say: Callable[[str], None] = say
        _quiet()

    def run(self) -> int:
        """Continues the sweep until it is done or interrupted.

        Returns:
            0, 1 when no trial completed, 130 when it was interrupted.
        """
        with EventLog(self._paths.events) as log:
            history = History(log.history)
            self._open(log)
            self._study.restore(history.trials.values())
            proposals = self._planner.next(history)
            if not proposals and not history.unfinished:
                self._say(f"Sweep {self._name} is complete: nothing left to train.")
                return self._report(self._track(history), history)
            # The workers load their libraries while this process opens the databases.
            executor = executors.launch(self._settings, self._paths.log)
            try:
                return self._drive(log, history, proposals, executor)
            finally:
                executor.close()

    def _open(self, log: EventLog) -> None:
        """Records what the sweep optimises, and refuses to go on with something else.

        Raises:
            ConfigurationError: Its trials were stopped, and their adapters kept, by another metric.
        """
        asked = {"metric": self._objective.metric, "direction": self._objective.direction}
        opened = next((record for record in log.history if record["event"] == "opened"), None)
        if opened is None:
            log.append("opened", {**asked, "versions": {name: version(name) for name in _STACK}})
        for key, value in asked.items():
            if opened is not None and opened[key] != value:
                rule = f"sweep {self._name} has kept its adapters by {key} {opened[key]}"
                raise ConfigurationError([Problem(f"sweep.{key}", value, rule, f"sweep.name={self._name}-{value}")])

    def _drive(
        self,
        log: EventLog,
        history: History,
        proposals: list[Proposal],
        executor: executors.Executor,
    ) -> int:
        track = self._track(history)
        driver = Driver(
            history=history,
            proposals=proposals,
            planner=self._planner,
            log=log,
            executor=executor,
            objective=self._objective,
            pruner=self._pruner,
            views=self._views(history, track),
            paths=self._paths,
            interruption=self._interruption,
            limit_s=self._settings.sweep.limit_s,
        )
        self._announce(history)
        if driver.run():
            if driver.out_of_time:
                self._say(f"The time is up. To continue for as long again: {shlex.join(_command())}")
            return self._report(track, history)
        track.close(finished=False, leaderboard=None)
        done = sum(trial.outcome is not None for trial in history.contenders)
        self._say(f"Stopped after {done} of {_counted(self._total)}. To continue: {shlex.join(_command())}")
        return INTERRUPTED

    def _views(self, history: History, track: tracking.Tracking) -> list[View]:
        storage = self._settings.sweep.storage or _sqlite(self._paths.study)
        mirror = Mirror(self._study, storage, self._name, self._objective)
        mirror.restore(history.trials.values())
        progress = Progress(history, self._total, self._objective, self._say)
        return [self._study, Folders(self._paths), mirror, track, progress]

    def _track(self, history: History) -> tracking.Tracking:
        settings = self._settings
        artifacts = (Path(settings.sweep.dir) / "artifacts").resolve().as_uri()
        client, experiment = tracking.connect(settings.tracking.uri, settings.tracking.experiment, artifacts)
        shared = {f"executor.{key}": value for key, value in vars(settings.executor).items()}
        shared |= {"trainer.name": settings.trainer.name, "sweep.name": self._name}
        track = tracking.Tracking(client, experiment, self._name, self._objective, shared)
        track.restore(history.trials.values())
        return track

    def _announce(self, history: History) -> None:
        done = sum(trial.outcome is not None for trial in history.contenders)
        kept = f", {done} of them measured already" if done else ""
        self._say(
            f"Sweep {self._name}: {_counted(self._total)}{self._same()}{kept}, ranked by {self._objective.metric}"
        )

    def _same(self) -> str:
        if not self._merged:
            return ""
        verb = "is the same trial as another" if self._merged == 1 else "are the same trials as others"
        return f" ({self._merged} of {self._total + self._merged:g} points {verb})"

    def _report(self, track: tracking.Tracking, history: History) -> int:
        settings = self._settings
        records = read_sweep(open_store(settings.tracking.uri), settings.tracking.experiment, self._name)
        board = leaderboard.rank(records)
        markdown = leaderboard.to_markdown(board)
        self._paths.leaderboard.write_text(markdown, encoding="utf-8")
        track.close(finished=True, leaderboard=markdown)
        if len(history.contenders) == 1:
            self._say(_metrics(records.trials[-1]))
        self._say(f"\n{leaderboard.to_text(board)}\n\n{self._where(board)}")
        return 0 if any(trial.outcome == "complete" for trial in history.contenders) else 1

    def _where(self, board: leaderboard.Leaderboard) -> str:
        best = next((row.trial for row in board.rows if row.place == 1), None)
        adapter = self._paths.adapter(best.trial) if best else None
        lines = {
            "Leaderboard": self._paths.leaderboard,
            "Best adapter": adapter,
            "Every event": self._paths.events,
            "MLflow": self._settings.tracking.uri,
        }
        return "\n".join(
            f"{label + ':':<14}{place}"
            for label, place in lines.items()
            if place is not None and (label == "MLflow" or Path(place).exists())
        )


def _metrics(trial: TrialRow) -> str:
    """Lists everything measured of a single trial."""
    width = max(map(len, trial.metrics), default=0)
    lines = [f"  {name:<{width}}  {value:.6g}" for name, value in trial.metrics.items()]
    return "\n".join([f"\nMetrics of {trial.name} at its best rung:", *lines])


def _counted(trials: float) -> str:
    if math.isinf(trials):
        return "as many trials as the time allows"
    return "1 trial" if trials == 1 else f"{trials:g} trials"


def _sqlite(path: Path) -> str:
    return sqlalchemy.URL.create("sqlite", database=str(path)).render_as_string()


def _command() -> list[str]:
    name = Path(sys.argv[0]).name
    return [*(["python", "-m", "sweeper"] if name == "__main__.py" else [name]), *sys.argv[1:]]


def _quiet() -> None:
    """Silences what libraries say about themselves; problems still get through."""
    warnings.filterwarnings("ignore", category=FutureWarning, module=r"(mlflow|optuna)\..*")
