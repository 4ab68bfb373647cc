"""MLflow's view of a sweep: one parent run, a child run per trial with its curves.

Everything goes through `MlflowClient` in the driver: transformers' own callback ends the wrong runs and costs four
seconds per trial (facts, section 7).
"""

from __future__ import annotations

import json
import math
import sqlite3
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, Run, RunTag
from mlflow.exceptions import MlflowException
from mlflow.tracking.context.registry import resolve_tags

from sweeper.decisions import Objective
from sweeper.history import Trial
from sweeper.progress import name_of
from trainers.trial import flatten, from_mapping

PARENT = "mlflow.parentRunId"
_KIND = {"mlflow.experimentKind": "custom_model_development"}  # the UI then opens its view for training runs
NOTE = "mlflow.note.content"

STATUS = {"complete": "FINISHED", "pruned": "KILLED"}
"""MLflow's status per outcome; every other outcome is FAILED."""

PRODUCER = "trainer.name"
"""The parameter that names the trainer that computed a trial."""

# What a trial knows before its first step and is worth comparing.
_FACTS = ("trainable_parameters", "init_seconds", "logit_mse", "logit_cosine")

_LONGEST_TAG = 8000  # characters (mlflow/utils/validation.py)
_MOST_METRICS = 1000  # per log_batch call (mlflow/utils/validation.py)
_FLUSH_S = 0.5  # a running curve reaches the UI this often, one write for all its points


@dataclass
class _Run:
    """A child run: what MLflow does not have of it yet. `id` is None until it is created."""

    id: str | None
    flushed: float
    points: list[Metric] = field(default_factory=list)
    params: list[Param] = field(default_factory=list)
    described: bool = False


class Tracking:
    """Writes one sweep to MLflow."""

    def __init__(
        self, client: MlflowClient, experiment: str, sweep: str, objective: Objective, shared: Mapping[str, Any]
    ) -> None:
        self._client, self._objective, self._shared = client, objective, shared
        self._experiment = experiment
        self._context = resolve_tags()  # user, source and git commit: the same for every run
        self.parent = self._parent(sweep)
        self._runs: dict[str, _Run] = {}

    def _parent(self, sweep: str) -> str:
        found = self._client.search_runs([self._experiment], f"tags.sweep = '{sweep}' and tags.kind = 'sweep'")
        if found:
            parent = str(found[0].info.run_id)
            self._client.update_run(parent, status="RUNNING")
            return parent
        tags = {
            **self._context,
            "kind": "sweep",
            "sweep": sweep,
            "metric": self._objective.metric,
            "direction": self._objective.direction,
        }
        return str(self._client.create_run(self._experiment, run_name=sweep, tags=tags).info.run_id)

    def restore(self, trials: Iterable[Trial]) -> None:
        """Brings MLflow up to what the log knows: finished trials it lacks are written, unfinished runs removed.

        A removed run stays in MLflow's trash, and the log keeps every point.
        """
        runs = self._client.search_runs([self._experiment], f"tags.`{PARENT}` = '{self.parent}'", max_results=50_000)
        finished = {run.data.tags["trial"] for run in runs if "outcome" in run.data.tags and _is_over(run)}
        for run in runs:
            if run.data.tags["trial"] not in finished:
                self._client.delete_run(run.info.run_id)
        for trial in trials:
            if trial.outcome is not None and trial.id not in finished:
                self._rewrite(trial)

    def _rewrite(self, trial: Trial) -> None:
        started = trial.started or time.time()
        self._begin(trial, started)
        self._finish(trial, started + (trial.seconds or 0))

    def apply(self, record: Mapping[str, Any], trial: Trial | None) -> None:
        """Follows the sweep's log."""
        if trial is None:
            return
        match record["event"]:
            case "started":
                self._begin(trial, record["time"])
            case "began":
                self._describe(trial)
                self._add(trial, record)
            case "logged" | "rung":
                self._add(trial, record)
            case "ended" | "failed":
                self._begin(trial, trial.started or record["time"])  # one that paused in an earlier run of this command
                self._finish(trial, record["time"])

    def _begin(self, trial: Trial, started: float) -> None:
        if trial.id in self._runs:  # it had paused
            return
        params = {**flatten(from_mapping(trial.config)), **self._shared, **trial.params}
        run = _Run(None, started, params=[Param(key, _text(value)) for key, value in params.items()])
        run.points = [
            point for step, values in [*trial.curve, *trial.rungs] for point in _points(values, started, step)
        ]
        self._runs[trial.id] = run
        self._describe(trial)

    def _describe(self, trial: Trial) -> None:
        """Adds who computes a trial, and in what shape, once that is known; where it goes on, it keeps what it had."""
        run = self._runs[trial.id]
        if trial.facts and not run.described:
            found = {PRODUCER: trial.facts.get("trainer", "sft")}
            found |= {name: value for name, value in trial.facts.items() if name.startswith("pack.")}
            run.params += [Param(key, _text(value)) for key, value in found.items()]
            run.described = True

    def _add(self, trial: Trial, record: Mapping[str, Any]) -> None:
        run = self._runs[trial.id]
        run.points += _points(record.get("values", {}), record["time"], record.get("step", 0))
        if record["time"] - run.flushed > _FLUSH_S:
            self._flush(trial, run)
            run.flushed = record["time"]

    def _flush(self, trial: Trial, run: _Run) -> str:
        """Writes what MLflow lacks; a trial of milliseconds gets by with one write for everything."""
        run.id = run.id or self._create(trial)
        for start in range(0, max(1, len(run.points)), _MOST_METRICS):
            self._client.log_batch(run.id, metrics=run.points[start : start + _MOST_METRICS], params=run.params)
            run.params = []
        run.points = []
        return run.id

    def _create(self, trial: Trial) -> str:
        tags = {
            **self._context,
            PARENT: self.parent,
            "kind": "reference" if trial.is_reference else "trial",
            "trial": trial.id,
            "number": str(trial.number),
            "stage": trial.stage,
            "short": str(trial.short).lower(),
            "swept": ",".join(trial.params),
            **_ending(trial),
        }
        started = _milliseconds(trial.started or time.time())
        run = self._client.create_run(self._experiment, start_time=started, run_name=name_of(trial), tags=tags)
        return str(run.info.run_id)

    def _finish(self, trial: Trial, ended: float) -> None:
        run = self._runs.pop(trial.id)
        run.points += _points(self._summary(trial), ended, 0)
        created = run.id is not None
        identifier = self._flush(trial, run)
        if created:
            self._client.log_batch(identifier, tags=[RunTag(key, value) for key, value in _ending(trial).items()])
        self._client.set_terminated(identifier, STATUS.get(trial.outcome or "", "FAILED"), _milliseconds(ended))

    def _summary(self, trial: Trial) -> dict[str, float]:
        """Returns one value per trial and metric: at its best rung, at its last, and what it cost."""
        best = trial.best(self._objective.metric, self._objective.direction)
        summary: dict[str, float | None] = {
            "steps": float(trial.last_step),
            "seconds": trial.seconds,
            "peak_memory_mib": trial.peak_memory_mib,
            **{name: trial.facts.get(name) for name in _FACTS},
        }
        if best is not None:
            summary |= {"best_step": float(best[0])} | {f"best_{key}": value for key, value in best[1].items()}
            summary |= {f"final_{key}": value for key, value in trial.rungs[-1][1].items()}
        return {key: float(value) for key, value in summary.items() if value is not None and not math.isnan(value)}

    def decide(self, decisions: Mapping[str, str], page: str) -> None:
        """Tags the parent run with what each stage of a procedure decided; the page with the numbers is an artifact."""
        tags = [RunTag(f"decision.{stage}", reason[:_LONGEST_TAG]) for stage, reason in decisions.items()]
        self._client.log_batch(self.parent, tags=tags)
        self._client.log_text(self.parent, page, "decisions.md")

    def close(self, finished: bool, leaderboard: str | None) -> None:
        """Ends the parent run, and the runs of trials that were interrupted; the parent's note is the leaderboard."""
        for run in self._runs.values():
            if run.id is not None:
                self._client.log_batch(run.id, metrics=run.points[:_MOST_METRICS])
                self._client.set_tag(run.id, "reason", "interrupted; it starts again when the sweep continues")
                self._client.set_terminated(run.id, "KILLED")
        if leaderboard is not None:
            self._client.set_tag(self.parent, NOTE, _note(leaderboard))
        self._client.set_terminated(self.parent, "FINISHED" if finished else "KILLED")


def _text(value: Any) -> str:
    return json.dumps(value) if isinstance(value, (list, dict)) else str(value)


def _is_over(run: Run) -> bool:
    return str(run.info.status) != "RUNNING"


def _note(leaderboard: str) -> str:
    """Returns what MLflow has room for, whole lines."""
    if len(leaderboard) <= _LONGEST_TAG:
        return leaderboard
    more = "\n\nThe rest is in leaderboard.md and in `lora-report leaderboard`.\n"
    return leaderboard[: _LONGEST_TAG - len(more)].rpartition("\n")[0] + more


def _points(values: Mapping[str, float], stamp: float, step: int) -> list[Metric]:
    return [Metric(key, value, _milliseconds(stamp), step) for key, value in values.items()]


def _ending(trial: Trial) -> dict[str, str]:
    return {} if trial.outcome is None else {"outcome": trial.outcome, "reason": trial.reason or ""}


def _milliseconds(seconds: float) -> int:
    return int(seconds * 1000)


def _write_ahead(connection: Any, record: Any) -> None:
    """Lets SQLite write ahead: readers such as `mlflow ui` never wait, and a commit costs one write instead of three.

    A power failure can lose the last commits, never the file; the sweep's log has them.
    """
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")


def connect(uri: str, experiment: str, artifacts: str) -> tuple[MlflowClient, str]:
    """Opens the tracking store, creating the database and the experiment where they are missing.

    Args:
        uri: Where MLflow records.
        experiment: The experiment's name.
        artifacts: The folder for artifacts of a store that is a local database.

    Returns:
        The client and the experiment's id.
    """
    if uri.startswith("sqlite:"):
        sqlalchemy.event.listen(sqlalchemy.Engine, "connect", _write_ahead)
    client = MlflowClient(tracking_uri=uri)
    found = client.get_experiment_by_name(experiment)
    if found is not None:
        return client, str(found.experiment_id)
    location = artifacts if uri.startswith("sqlite:") else None
    try:
        return client, str(client.create_experiment(experiment, artifact_location=location, tags=_KIND))
    except MlflowException:  # somebody else created it meanwhile
        return client, str(client.get_experiment_by_name(experiment).experiment_id)
