"""An imported run as MLflow is to hold it: what `analysis.records.trial_row` reads, and the curve."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from analysis.diagnosis import diagnose
from analysis.imports.gain import ALPHA, DERIVED, GAIN
from analysis.imports.imported_run import REFERENCE, ImportedRun
from analysis.imports.summary import summary
from analysis.recorded_run import curve_of
from analysis.records import AXIS, VERDICTS
from analysis.redaction import redacted

_LONGEST_PARAM, _LONGEST_TAG = 6000, 8000  # characters (mlflow/utils/validation.py)
_STATUS = {"complete": "FINISHED", REFERENCE: "FINISHED", "pruned": "KILLED", "interrupted": "KILLED"}


class Point(NamedTuple):
    """A metric's value at a step."""

    key: str
    value: float
    step: int


@dataclass(frozen=True)
class Entry:
    """A run's name, MLflow's status, tags, parameters as text, and points."""

    name: str
    status: str
    tags: Mapping[str, str]
    params: Mapping[str, str]
    points: Sequence[Point]


def entries(
    runs: Sequence[ImportedRun], metric: str, direction: str, fingerprints: Mapping[str, str] | None = None
) -> list[Entry]:
    """Returns what MLflow is to hold of each run, in their order, which is that of their numbers.

    Args:
        runs: The sweep's.
        metric: What ranks them.
        direction: `minimize` or `maximize`.
        fingerprints: What is stated of the data and the tokenizer of all runs, by the tag's name.
    """
    varied = ",".join(swept(runs))
    return [
        Entry(
            redacted(run.name),
            _STATUS.get(run.outcome, "FAILED"),
            {**_tags(run, number), "swept": varied, **(fingerprints or {})},
            {key: _text(value)[:_LONGEST_PARAM] for key, value in run.params.items()},
            _points(run, summary(run, metric, direction)),
        )
        for number, run in enumerate(runs)
    ]


def swept(runs: Sequence[ImportedRun]) -> list[str]:
    """Returns the parameters in which runs differ, but for those that follow from others."""
    runs = [run for run in runs if run.outcome != REFERENCE]
    keys = dict.fromkeys(key for run in runs for key in run.params if key not in DERIVED)
    values = {key: {_text(run.params[key]) for run in runs if key in run.params} for key in keys}
    follows = {ALPHA} if all(run.params.get(GAIN) is not None for run in runs) else set()
    return [key for key in keys if len(values[key]) > 1 and key not in follows]


def trial_id(run: ImportedRun) -> str:
    """Returns what is the same wherever and whenever a run is imported from."""
    content = [run.name, run.params, run.points, run.stated, run.outcome]
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:12]


def _tags(run: ImportedRun, number: int) -> dict[str, str]:
    known = {
        "kind": "reference" if run.outcome == REFERENCE else "trial",
        "trial": trial_id(run),
        "number": str(-1 if run.outcome == REFERENCE else number),
        "stage": "",
        "short": "false",
        "outcome": "complete" if run.outcome == REFERENCE else run.outcome,
        "reason": redacted(run.reason or f"imported from {run.source}")[:_LONGEST_TAG],
        "mlflow.source.name": redacted(run.source),
        "mlflow.source.type": "LOCAL",
    }
    verdicts = ",".join(verdict.name for verdict in diagnose(_curve(run)))
    notes = {"mlflow.note.content": redacted(run.notes)[:_LONGEST_TAG]} if run.notes else {}
    return {**known, **notes, **({AXIS: "epoch"} if run.by_epoch else {}), **({VERDICTS: verdicts} if verdicts else {})}


def _curve(run: ImportedRun) -> Any:
    steps = run.stated.get("planned_steps")
    return curve_of(run.points, None if steps is None else int(steps), run.outcome)


def _points(run: ImportedRun, summed: Mapping[str, float]) -> list[Point]:
    curve = [Point(key, value, step) for key, points in run.points.items() for step, value in points]
    return [*curve, *(Point(key, value, 0) for key, value in summed.items() if not math.isnan(value))]


def _text(value: Any) -> str:
    return redacted(json.dumps(value) if isinstance(value, (list, dict)) else str(value))
