"""Finds runs in MLflow by what people call them, and reads their curves."""

from __future__ import annotations

import difflib
import math
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.exceptions import MlflowException

from analysis.bounds import Values
from analysis.curve import Points
from analysis.json_tag import mapping
from analysis.leaderboard import rank
from analysis.recorded_run import RecordedRun, curve_of, is_of_a_curve
from analysis.records import AXIS, JUDGED, PARENT, parse
from analysis.report_error import ReportError
from analysis.store import answering, records_of, search, sweep_runs, sweeps

_STATUS = {"FINISHED": "complete", "RUNNING": "running", "SCHEDULED": "running", "FAILED": "failed"}
_LARGEST = sys.float_info.max  # what MLflow keeps for an infinity (sqlalchemy_store.sanitize_metric_value)
_NEAREST = 5


@dataclass(frozen=True)
class Found:
    """The runs that a name means; `sweep` is the name of the sweep if it is one, its trials then in order of place."""

    runs: list[RecordedRun]
    sweep: str | None = None


def find(client: MlflowClient, experiment: str, name: str | None, sweep: str | None = None) -> Found:
    """Reads the runs that a name means.

    Args:
        client: From `analysis.store.open_store`.
        experiment: The MLflow experiment that is looked in; a run's id is found in any.
        name: A run's id, a sweep's name, or a trial's name or id; None for a whole sweep.
        sweep: Where trials are looked for; None for the latest sweep, or the latest that has the name.

    Returns:
        One run, or all trials of a sweep but its references.

    Raises:
        ReportError: There is no such experiment, sweep or run, or the store does not answer.
    """
    with answering():
        if name is None:
            return _sweep(client, experiment, sweep)
        if sweep is None and (run := _by_id(client, name)) is not None:
            return _sweep(client, experiment, run.data.tags["sweep"]) if _is_sweep(run) else _one(client, run)
        if sweep is None and any(run.data.tags.get("sweep") == name for run in sweeps(client, experiment)):
            return _sweep(client, experiment, name)
        return _one(client, _named(client, experiment, name, sweep))


def _is_sweep(run: Run) -> bool:
    return bool(run.data.tags.get("kind") == "sweep") and "sweep" in run.data.tags


def _by_id(client: MlflowClient, name: str) -> Run | None:
    if not re.fullmatch(r"[0-9a-f]{32}", name):
        return None
    try:
        return client.get_run(name)
    except MlflowException:  # no such run
        return None


def _one(client: MlflowClient, run: Run) -> Found:
    parent = run.data.tags.get(PARENT)
    return Found([read_run(client, run, bounds=_bounds(client.get_run(parent)) if parent else {})])


def _bounds(sweep: Run) -> Values:
    """Returns what a sweep holds its curves against, where that is not the default."""
    return mapping(sweep.data.tags, JUDGED)


def _sweep(client: MlflowClient, experiment: str, sweep: str | None) -> Found:
    parent, children = sweep_runs(client, experiment, sweep)
    by_trial = {run.data.tags["trial"]: run for run in children}
    rows = [row for row in rank(records_of(parent, children)).by_trial.rows if not row.trial.is_reference]
    own = _bounds(parent)
    runs = [read_run(client, by_trial[row.trial.trial], row.place, own) for row in rows]
    return Found(runs, parent.data.tags["sweep"])


def _named(client: MlflowClient, experiment: str, name: str, sweep: str | None) -> Run:
    runs = sweep_runs(client, experiment, sweep)[1] if sweep is not None else _candidates(client, experiment, name)
    found = next((run for run in runs if name in _names(run)), None)
    if found is not None:
        return found
    known = [item for run in (runs if sweep is not None else search(client, experiment)) for item in _names(run)]
    missing = f"run, trial or sweep {name!r} in experiment {experiment!r}, nor a file of that name"
    missing = missing if sweep is None else f"trial {name!r} in sweep {sweep!r}"
    raise ReportError(f"there is no {missing}; {_nearest(name, known)}")


def _candidates(client: MlflowClient, experiment: str, name: str) -> list[Run]:
    """Asks for the few runs of a name; one that a filter cannot hold is looked for among all."""
    if "'" in name or '"' in name or "\\" in name:
        return search(client, experiment)
    by_name = search(client, experiment, f"attributes.run_name = '{name}'")
    return by_name or search(client, experiment, f"tags.trial = '{name}'")


def _names(run: Run) -> set[str]:
    tags = run.data.tags
    return {name for name in (run.info.run_id, run.info.run_name, tags.get("trial"), tags.get("sweep")) if name}


def _nearest(name: str, known: Iterable[str]) -> str:
    names = [item for item in dict.fromkeys(known) if not re.fullmatch(r"[0-9a-f]{8,}", item)]
    alike = [item for item in names if item.startswith(name)]
    alike += difflib.get_close_matches(name, names, n=_NEAREST, cutoff=0.4) or sorted(names)
    close = list(dict.fromkeys(alike))[:_NEAREST]
    return f"nearest: {', '.join(close)}" if close else "it has no run yet"


def read_run(client: MlflowClient, run: Run, place: int | None = None, bounds: Values | None = None) -> RecordedRun:
    """Reads a run's curve and parameters: what ran in place of what was asked for counts."""
    params = {key: parse(value) for key, value in run.data.params.items()}
    params |= {key.removeprefix("ran."): value for key, value in params.items() if key.startswith("ran.")}
    tags, metrics = run.data.tags, run.data.metrics
    outcome = tags.get("outcome") or _STATUS.get(run.info.status, "interrupted")
    points = {name: points_of(client, run.info.run_id, name) for name in metrics if is_of_a_curve(name)}
    steps = None if AXIS in tags else planned_steps(params, metrics, outcome)
    swept = tuple(filter(None, tags.get("swept", "").split(",")))
    return RecordedRun(run.info.run_name, curve_of(points, steps, outcome), params, place, swept, bounds or {})


def points_of(client: MlflowClient, run_id: str, name: str) -> Points:
    """Returns a metric's points; of a step that was recorded again, the later one."""
    history = sorted(client.get_metric_history(run_id, name), key=lambda point: (point.step, point.timestamp))
    return tuple({point.step: _value(point.value) for point in history}.items())


def _value(kept: float) -> float:
    return math.copysign(math.inf, kept) if abs(kept) >= _LARGEST else kept


def planned_steps(params: Mapping[str, Any], metrics: Mapping[str, float], outcome: str) -> int | None:
    """Returns how many steps a run was to have.

    Args:
        params: Under their dotted names.
        metrics: The latest values.
        outcome: How it ended.

    Returns:
        What the run itself says; else `training.max_steps`, or as many of them as `training.stop_at` asks for; where
        the epochs decide, what a complete run took, unless it may have stopped early; None where that is not known.
    """
    if "planned_steps" in metrics:
        return int(metrics["planned_steps"])
    whole, stop = params.get("training.max_steps"), params.get("training.stop_at")
    if isinstance(whole, int) and whole >= 1:
        if not isinstance(stop, (int, float)):
            return whole
        return min(whole, max(1, math.ceil(stop * whole) if stop < 1 else int(stop)))
    may_stop = params.get("training.early_stopping_patience") is not None
    return int(metrics["steps"]) if outcome == "complete" and not may_stop and metrics.get("steps") else None
