"""Writes imported runs to MLflow as a sweep that appears whole: its own run becomes a sweep's when all is there."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, Run, RunTag

from analysis.imports.entry import Entry
from analysis.records import ORIGIN, PARENT

UNFINISHED = "importing"
"""The kind of a sweep's own run until all of its trials are there."""

_METRICS, _PARAMS = 800, 90  # per log_batch call, 1000 entities in all (mlflow/utils/validation.py)
_ALL_RUNS = 50_000  # the most that one search may ask for (mlflow/store/tracking/__init__.py)


def sweeps(client: MlflowClient, experiment: str, name: str, kind: str = "sweep") -> list[Run]:
    """Returns the runs of a sweep's own, the latest first.

    Args:
        client: Of the store.
        experiment: The experiment's id.
        name: The sweep's.
        kind: `sweep`, or `UNFINISHED`.
    """
    found = client.search_runs([experiment], f"tags.kind = '{kind}'", max_results=_ALL_RUNS)
    return [run for run in found if run.data.tags.get("sweep") == name]


def is_imported(run: Run) -> bool:
    """True for a sweep's own run that was imported, not recorded."""
    return ORIGIN in run.data.tags


def write(client: MlflowClient, experiment: str, tags: Mapping[str, str], entries: Sequence[Entry]) -> str:
    """Writes a sweep.

    Args:
        client: Of the store.
        experiment: The experiment's id.
        tags: Of the sweep's own run; `sweep` is its name.
        entries: Its trials.

    Returns:
        The id of the sweep's own run.
    """
    for left in sweeps(client, experiment, tags["sweep"], UNFINISHED):
        trash(client, experiment, left)  # an import that did not get to its end
    now = int(time.time() * 1000)
    first = {**tags, "opened": str(now), "kind": UNFINISHED}
    parent = client.create_run(experiment, start_time=now, run_name=tags["sweep"], tags=first)
    for index, entry in enumerate(entries):
        # MLflow lists the latest first; milliseconds apart, runs are listed as they stand in their files.
        _write(client, experiment, parent.info.run_id, entry, now + len(entries) - index)
    client.set_terminated(parent.info.run_id, "FINISHED", now + len(entries))
    client.set_tag(parent.info.run_id, "kind", "sweep")
    return str(parent.info.run_id)


def _write(client: MlflowClient, experiment: str, parent: str, entry: Entry, now: int) -> None:
    tags = {**entry.tags, PARENT: parent}
    run = client.create_run(experiment, start_time=now, run_name=entry.name, tags=tags).info.run_id
    points = [Metric(point.key, point.value, now, point.step) for point in entry.points]
    params = [Param(key, value) for key, value in entry.params.items()]
    for index in range(max(math.ceil(len(points) / _METRICS), math.ceil(len(params) / _PARAMS))):
        metrics = points[index * _METRICS : (index + 1) * _METRICS]
        client.log_batch(run, metrics=metrics, params=params[index * _PARAMS : (index + 1) * _PARAMS])
    client.set_terminated(run, entry.status, now)


def note(client: MlflowClient, run: str, text: str) -> None:
    """Gives a run what MLflow shows as its description."""
    client.log_batch(run, tags=[RunTag("mlflow.note.content", text[:8000])])


def trash(client: MlflowClient, experiment: str, parent: Run) -> int:
    """Moves a sweep's runs to MLflow's trash, its own last, so that it is found until all are there.

    Returns:
        How many.
    """
    asked = f"tags.`{PARENT}` = '{parent.info.run_id}'"
    children: Sequence[Run] = client.search_runs([experiment], asked, max_results=_ALL_RUNS)
    for run in (*children, parent):
        client.delete_run(run.info.run_id)
    return len(children) + 1
