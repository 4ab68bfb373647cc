"""What a sweep has left: in its log, in Optuna's storage and in MLflow."""

from __future__ import annotations

import contextlib
import sqlite3
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import optuna
from mlflow import MlflowClient

from sweeper.decisions import Decision, Objective, decide
from sweeper.event_log import read
from sweeper.halving import Halving
from sweeper.history import History

_SPEED = "tokens_per_s"
_TIMES = {"seconds", "init_seconds", "peak_memory_mib", _SPEED}


def history_of(folder: Path) -> History:
    return History(read(folder / "runs/s/events.jsonl"))


def curves(folder: Path) -> dict[str, Any]:
    """Everything measured per trial, the speed of this machine left out."""
    return {
        trial.id: (trial.outcome, [(step, _timeless(values)) for step, values in trial.curve], trial.rungs)
        for trial in history_of(folder).trials.values()
    }


def _timeless(values: Mapping[str, float]) -> dict[str, float]:
    return {key: value for key, value in values.items() if key != _SPEED}


def runs(folder: Path) -> dict[str, Any]:
    """Every MLflow run of a trial: its status and all points, by the trial's id; each trial has one run."""
    client = MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")
    found = client.search_runs(["1"], max_results=10_000)
    trials = [run for run in found if "trial" in run.data.tags]
    assert set(Counter(run.data.tags["trial"] for run in trials).values()) == {1}
    assert [run.info.status for run in found if run.data.tags["kind"] == "sweep"] == ["FINISHED"]
    return {run.data.tags["trial"]: (run.info.status, run.data.tags["outcome"], _points(client, run)) for run in trials}


def _points(client: MlflowClient, run: Any) -> dict[str, list[tuple[int, float]]]:
    keys = [key for key in run.data.metrics if key not in _TIMES]
    return {
        key: sorted((point.step, point.value) for point in client.get_metric_history(run.info.run_id, key))
        for key in keys
    }


def stored(folder: Path) -> dict[str, Any]:
    """Every trial in Optuna's storage, by the trial's id; each trial is there once."""
    (summary,) = optuna.get_all_study_summaries(f"sqlite:///{folder / 'runs/s/study.db'}")
    study = optuna.load_study(study_name=summary.study_name, storage=f"sqlite:///{folder / 'runs/s/study.db'}")
    found = {item.user_attrs["trial"]: item for item in study.trials}
    assert len(found) == len(study.trials)
    return {name: (item.state, item.params, item.values, item.intermediate_values) for name, item in found.items()}


def assert_sound(folder: Path) -> None:
    """Nothing is there twice, and no database complained."""
    records = read(folder / "runs/s/events.jsonl")
    for event in ("proposed", "ended", "failed"):
        count = Counter(record["trial"] for record in records if record["event"] == event)
        assert not count or set(count.values()) == {1}, event
    log = (folder / "runs/s/log.txt").read_text()
    assert not [line for line in log.splitlines() if "locked" in line or "OperationalError" in line]
    for database in (folder / "mlflow.db", folder / "runs/s/study.db"):
        with contextlib.closing(sqlite3.connect(database)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def assert_replays(folder: Path, objective: Objective, rule: Halving) -> int:
    """The records before each decision give that very decision; returns how many were replayed."""
    history, replayed, before = History(), 0, None
    judged: dict[str, Decision] = {}  # of a round, which is decided as a whole
    for record in read(folder / "runs/s/events.jsonl"):
        if record["event"] == "decided":
            trial = history.trials[record["trial"]]
            assert before is not None
            if before["event"] == "rung" and before["trial"] == trial.id:
                again = decide(trial, before["step"], before["values"], objective, rule)
            else:
                if trial.id not in judged:
                    judged = {item.id: decision for item, decision in rule.compare(history.contenders, exhausted=True)}
                again = judged.pop(trial.id)
            expected = (record["reason"], record["outcome"], record["pause"])
            assert (again.reason, again.outcome, again.pause) == expected
            replayed += 1
        history.apply(record)
        before = record
    return replayed
