"""Reads a sweep from MLflow with everything a report is made of."""

from __future__ import annotations

import functools

from mlflow import MlflowClient
from mlflow.entities import Run

from analysis.curve import Curve, Points
from analysis.recorded_sweep import RecordedSweep
from analysis.run_curves import points_of, read_run
from analysis.store import answering, records_of, sweep_runs


def read(client: MlflowClient, experiment: str, sweep: str | None) -> RecordedSweep:
    """Reads a sweep; curves are read when somebody asks for them.

    Args:
        client: From `analysis.store.open_store`.
        experiment: The MLflow experiment that sweeps are recorded in.
        sweep: Its name; None for the latest.

    Raises:
        ReportError: There is no such experiment or sweep, or the store does not answer.
    """
    with answering():
        parent, children = sweep_runs(client, experiment, sweep)
    records, info = records_of(parent, children), parent.info
    runs = {run.data.tags["trial"]: run for run in children}
    return RecordedSweep(
        records=records,
        tags=dict(parent.data.tags),
        curve=functools.cache(lambda trial: _curve(client, runs[trial])),
        points=functools.cache(lambda trial, name: _points(client, runs[trial], name)),
        started=None if info.start_time is None else info.start_time / 1000,
        ended=None if info.end_time is None else info.end_time / 1000,
    )


def _curve(client: MlflowClient, run: Run) -> Curve:
    with answering():
        return read_run(client, run).curve


def _points(client: MlflowClient, run: Run, name: str) -> Points:
    with answering():
        return points_of(client, run.info.run_id, name) if name in run.data.metrics else ()
