"""Reads a sweep from MLflow: a row per trial, nothing else is needed."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

PARENT = "mlflow.parentRunId"
_ALL_RUNS = 50_000  # the most that one search may ask for (mlflow/store/tracking/__init__.py)


class ReportError(Exception):
    """Something a report needs is not there; the message says what, and what to do."""


@dataclass(frozen=True)
class TrialRow:
    """A trial as MLflow has it. `metrics` are those of its best rung, under their own names.

    A `short` one ended before the run it stands for would have: it was compared within its stage alone.
    """

    number: int
    name: str
    outcome: str
    reason: str
    is_reference: bool
    params: dict[str, Any]
    metrics: dict[str, float]
    swept: tuple[str, ...]
    run_id: str
    trial: str
    short: bool = False


@dataclass(frozen=True)
class SweepRecords:
    """A sweep's trials in the order of their numbers, references first; `decisions` are a procedure's, by stage."""

    name: str
    metric: str
    direction: str
    trials: list[TrialRow]
    decisions: dict[str, str] = field(default_factory=dict)


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
    except (MlflowException, SQLAlchemyError) as error:
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
    trials = sorted((_row(run) for run in children), key=lambda row: (row.number, row.name))
    tags = parent.data.tags
    decisions = {key.removeprefix(_DECISION): value for key, value in tags.items() if key.startswith(_DECISION)}
    return SweepRecords(tags["sweep"], tags["metric"], tags["direction"], trials, decisions)


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
    tags: Mapping[str, str] = run.data.tags
    metrics: Mapping[str, float] = run.data.metrics
    best = {key.removeprefix("best_"): value for key, value in metrics.items() if key.startswith("best_")}
    kept = {key: metrics[key] for key in metrics if key.startswith("final_") or key in _COSTS}
    return TrialRow(
        number=int(tags["number"]),
        name=run.info.run_name,
        outcome=tags.get("outcome", "running" if run.info.status == "RUNNING" else "interrupted"),
        reason=tags.get("reason", ""),
        is_reference=tags["kind"] == "reference",
        params={key: parse(value) for key, value in run.data.params.items()},
        metrics={**{("best_step" if key == "step" else key): value for key, value in best.items()}, **kept},
        swept=tuple(filter(None, tags.get("swept", "").split(","))),
        run_id=run.info.run_id,
        trial=tags["trial"],
        short=tags.get("short") == "true",
    )


_DECISION = "decision."
_COSTS = {"steps", "seconds", "peak_memory_mib", "trainable_parameters"}
_WORDS = {"None": None, "True": True, "False": False}


def parse(text: str) -> Any:
    """Reads a parameter back from the text that MLflow keeps: a number, a truth value, None, or the text itself."""
    if text in _WORDS:
        return _WORDS[text]
    if text[:1] in {"[", "{"}:
        return _json(text)
    for kind in (int, float):
        # Only what would be written like this again: a name such as 2024_01 is no number.
        if _reads(kind, text):
            return kind(text)
    return text


def _reads(kind: type, text: str) -> bool:
    try:
        return str(kind(text)) == text or (kind is float and re.fullmatch(r"-?\d+(\.\d+)?e[-+]?\d+", text) is not None)
    except ValueError:
        return False


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
