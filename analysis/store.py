"""Reads a sweep from MLflow, and from nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
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
    if uri.startswith("sqlite:///") and not is_database(Path(uri.removeprefix("sqlite:///"))):
        raise ReportError(f"there is no MLflow database at {uri}; run a sweep here first, or give --tracking-uri")
    try:
        return MlflowClient(tracking_uri=uri)
    except (MlflowException, SQLAlchemyError, CommandError, ImportError) as error:
        raise ReportError(f"{uri} is no tracking store that MLflow can open: {str(error).splitlines()[0]}") from error


def is_database(path: Path) -> bool:
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
    with answering():
        parent, children = sweep_runs(client, experiment, sweep)
        return records_of(parent, children)


@contextmanager
def answering() -> Iterator[None]:
    """Reports a store that does not answer within.

    Raises:
        ReportError: It does not.
    """
    try:
        yield
    except (MlflowException, SQLAlchemyError) as error:
        raise ReportError(f"MLflow does not answer: {str(error).splitlines()[0]}") from error


def experiment_id(client: MlflowClient, experiment: str) -> str:
    """Returns an experiment's id.

    Raises:
        ReportError: There is no such experiment.
    """
    found = client.get_experiment_by_name(experiment)
    if found is None:
        raise ReportError(f"MLflow has no experiment {experiment!r}; run a sweep first, or give --experiment")
    return str(found.experiment_id)


def search(client: MlflowClient, experiment: str, asked: str = "") -> list[Run]:
    """Returns an experiment's runs, the latest first; `asked` is a filter of MLflow's."""
    return list(client.search_runs([experiment_id(client, experiment)], asked, max_results=_ALL_RUNS))


def sweep_runs(client: MlflowClient, experiment: str, sweep: str | None) -> tuple[Run, list[Run]]:
    """Returns a sweep's own run and those of its trials, references among them; None is the latest sweep.

    Raises:
        ReportError: There is no such experiment or sweep.
    """
    parent = _chosen(sweeps(client, experiment), sweep)
    below = search(client, experiment, f"tags.`{PARENT}` = '{parent.info.run_id}'")
    return parent, [run for run in below if _is_trial(run)]


def sweeps(client: MlflowClient, experiment: str) -> list[Run]:
    """Returns the runs of sweeps' own, the latest first."""
    found = search(client, experiment, "tags.kind = 'sweep'")
    return [run for run in found if run.data.tags.keys() >= {"sweep", "metric", "direction"}]


def _is_trial(run: Run) -> bool:
    """False for what somebody else has put below a sweep's run."""
    tags = run.data.tags
    return {"trial", "kind"} <= tags.keys() and re.fullmatch(r"-?\d+", tags.get("number", "")) is not None


def records_of(parent: Run, children: Iterable[Run]) -> SweepRecords:
    """Returns a sweep's records from its runs."""
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
    data, info = run.data, run.info
    times_ms = (info.start_time, info.end_time)
    return trial_row(info.run_name, info.status, data.tags, data.params, data.metrics, times_ms=times_ms)
