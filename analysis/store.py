"""Reads a sweep from MLflow, and from nothing else."""

from __future__ import annotations

from pathlib import Path

from alembic.util.exc import CommandError
from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from analysis.records import PARENT, SweepRecords, TrialRow, sweep_records, trial_row
from analysis.report_error import ReportError

_ALL_RUNS = 50_000  # the most that one search may ask for (mlflow/store/tracking/__init__.py)


def open_store(uri: str) -> MlflowClient:
    """Opens a tracking store for reading.

    Args:
        uri: Where MLflow records.

    Raises:
        ReportError: The store is a local database that does not exist.
    """
    if uri.startswith("sqlite:///") and not _is_database(Path(uri.removeprefix("sqlite:///"))):
        raise ReportError(f"there is no MLflow database at {uri}; run a sweep here first, or give --tracking-uri")
    try:
        return MlflowClient(tracking_uri=uri)
    except (MlflowException, SQLAlchemyError, CommandError, ImportError) as error:
        raise ReportError(f"{uri} is no tracking store that MLflow can open: {str(error).splitlines()[0]}") from error


def _is_database(path: Path) -> bool:
    """True for a SQLite file; MLflow would fill an empty one with its tables."""
    return path.is_file() and path.open("rb").read(15) == b"SQLite format 3"


def read_sweep(client: MlflowClient, experiment: str, sweep: str | None) -> SweepRecords:
    """Reads one sweep.

    Args:
        client: From `open_store`.
        experiment: The MLflow experiment that sweeps are recorded in.
        sweep: Its name; None for the latest.

    Raises:
        ReportError: There is no such experiment or sweep, or the store does not answer.
    """
    try:
        return _read(client, experiment, sweep)
    except (MlflowException, SQLAlchemyError) as error:
        raise ReportError(f"MLflow does not answer: {str(error).splitlines()[0]}") from error


def _read(client: MlflowClient, experiment: str, sweep: str | None) -> SweepRecords:
    found = client.get_experiment_by_name(experiment)
    if found is None:
        raise ReportError(f"MLflow has no experiment {experiment!r}; run a sweep first, or give --experiment")
    parents = client.search_runs([found.experiment_id], "tags.kind = 'sweep'", max_results=_ALL_RUNS)
    parent = _chosen(parents, sweep)
    children = client.search_runs(
        [found.experiment_id], f"tags.`{PARENT}` = '{parent.info.run_id}'", max_results=_ALL_RUNS
    )
    return sweep_records(parent.data.tags, map(_row, children))


def _chosen(parents: list[Run], sweep: str | None) -> Run:
    if not parents:
        raise ReportError("MLflow has no sweep yet; run one with lora-sweep")
    if sweep is None:
        return parents[0]  # MLflow lists the latest first
    named = [run for run in parents if run.data.tags.get("sweep") == sweep]
    if not named:
        known = ", ".join(dict.fromkeys(run.data.tags["sweep"] for run in parents))
        raise ReportError(f"there is no sweep {sweep!r}; there are: {known}")
    return named[0]


def _row(run: Run) -> TrialRow:
    return trial_row(run.info.run_name, run.info.status, run.data.tags, run.data.params, run.data.metrics)
