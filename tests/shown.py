"""What MLflow and Optuna's storage show of a sweep, to be compared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import optuna
from mlflow import MlflowClient


def held(client: MlflowClient, experiment: str, sweep: str = "s") -> dict[str, Any]:
    """Everything an experiment shows of a sweep, but for the runs' own ids."""
    parents = client.search_runs([experiment], f"tags.sweep = '{sweep}'")
    runs = [
        run
        for parent in parents
        for run in client.search_runs([experiment], f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'")
    ] + list(parents)
    keys = [run.data.tags.get("trial", "the sweep") for run in runs]
    assert len(set(keys)) == len(keys), "a run is there twice"
    return {key: shown(client, run) for key, run in zip(keys, runs, strict=True)}


def shown(client: MlflowClient, run: Any) -> tuple[Any, ...]:
    info, tags = run.info, {key: value for key, value in run.data.tags.items() if key != "mlflow.parentRunId"}
    curves = {
        key: [(repr(item.value), item.step, item.timestamp) for item in client.get_metric_history(info.run_id, key)]
        for key in run.data.metrics
    }
    files = {item.path: text_of(client, info.run_id, item.path) for item in client.list_artifacts(info.run_id)}
    return info.run_name, info.status, info.start_time, info.end_time, run.data.params, tags, curves, files


def text_of(client: MlflowClient, run: str, path: str) -> str:
    """An artifact below a local folder, as text."""
    root = client.get_run(run).info.artifact_uri.removeprefix("file://")
    return Path(root, path).read_text(encoding="utf-8")


def studies(path: Path) -> dict[str, list[dict[str, Any]]]:
    """Everything that a file of Optuna's holds, but for its own ids."""
    url = f"sqlite:///{path}"
    names = optuna.get_all_study_names(storage=url)
    found = {name: optuna.load_study(study_name=name, storage=url).get_trials() for name in names}
    return {
        name: [{key: value for key, value in vars(item).items() if key != "_trial_id"} for item in trials]
        for name, trials in found.items()
    }
