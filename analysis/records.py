"""A sweep as it is shown in MLflow: a row per trial, made of what its run holds."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from analysis import confusion
from analysis.confusion import Confusion

PARENT = "mlflow.parentRunId"
DECISION = "decision."
"""How the tags begin that say what a stage decided."""
VERDICTS = "verdicts"
"""The tag of what a trial's curve shows."""
JUDGED = "diagnosis"
"""The tag of a sweep with thresholds and criteria of its own."""


NOISE = "noise"
"""The tag of a sweep that says `sweep.noise`: the share of the best value that is taken for chance without seeds."""
COMMAND, FOLDER, VERSIONS, HARDWARE, IMPORTANCES, REUSED = (
    *("command", "folder", "versions", "hardware", "importances", "reused"),
)
"""Tags of a sweep: what was typed and where; JSON of versions by package, of what computed, of
`{"evaluator", "values"}`, and of `{"trials", "steps"}` that stages asked for and had been measured already."""
SAMPLER, PRUNER = "sampler", "pruner"
"""Tags of a sweep: who chose its points (`grid`, `procedure`, else a sampler's name) and who stopped trials early."""
NUMBERS = "numbers."
"""How the tags begin that hold a stage's decision as JSON: `{"order", "numbers", "why", "reused"}`."""
REPORT = "report"
"""The tag of a sweep's own run that says which report it holds: the SHA-256 of its `report.md`, twelve digits."""
VALIDATION, CONTENT, TOKENIZER = "data.validation", "data.content", "tokenizer"
"""Tags of a trial: fingerprints of the evaluated rows, of the data's files, and of the tokenizer."""
DATA = "data"
"""The tag of a sweep that says what became of its rows, how long they are and which labels they have
(`analysis.data_words`)."""
SETTLED = "settled"
"""The tag of a procedure's sweep: the id of the trial that measured what it has settled on."""
ORIGIN = "origin"
"""The tag of a sweep that was imported: what it was made from."""
AXIS = "axis"
"""The tag of a trial whose steps are not known: `epoch`, its points are counted in the order of their epochs."""


@dataclass(frozen=True)
class TrialRow:
    """A trial as MLflow has it. `metrics` are those of its best rung, under their own names.

    A `short` one ended before the run it stands for would have: it was compared within its stage alone. `verdicts` are
    what its curve shows, as `analysis.verdict` names it. `started` and `ended` are Unix times in seconds, None where
    they are not known; `fingerprints` are those of `VALIDATION`, `CONTENT` and `TOKENIZER` that are. `sweep` is
    the name of its sweep where several are ranked as one, else empty. `confusion` says which labels it takes for which
    at that rung, None where rows have no labels.
    """

    number: int
    name: str
    outcome: str
    reason: str
    is_reference: bool
    params: dict[str, Any]
    metrics: dict[str, float]
    swept: tuple[str, ...]
    trial: str
    short: bool = False
    verdicts: tuple[str, ...] = ()
    stage: str = ""
    started: float | None = None
    ended: float | None = None
    fingerprints: Mapping[str, str] = field(default_factory=dict)
    sweep: str = ""
    confusion: Confusion | None = None


@dataclass(frozen=True)
class SweepRecords:
    """A sweep's trials in the order of their numbers, references first; `decisions` are a procedure's, by stage.

    `noise` is the setting `sweep.noise`: the share of the best value that is taken for chance where no seeds are
    repeated; None where nobody recorded it.
    """

    name: str
    metric: str
    direction: str
    trials: list[TrialRow]
    decisions: dict[str, str] = field(default_factory=dict)
    noise: float | None = None


def sweep_records(tags: Mapping[str, str], rows: Iterable[TrialRow]) -> SweepRecords:
    """Returns a sweep from the tags of its own run and the rows of its trials' runs."""
    trials = sorted(rows, key=lambda row: (row.number, row.name, row.trial))
    decisions = {key.removeprefix(DECISION): value for key, value in tags.items() if key.startswith(DECISION)}
    return SweepRecords(
        tags["sweep"], tags["metric"], tags["direction"], trials, decisions, _share(tags.get(NOISE, ""))
    )


def _share(text: str) -> float | None:
    found = parse(text)
    return (
        float(found) if isinstance(found, (int, float)) and not isinstance(found, bool) and 0 <= found < 1e9 else None
    )


def trial_row(
    name: str,
    status: str,
    tags: Mapping[str, str],
    params: Mapping[str, str],
    metrics: Mapping[str, float],
    *,
    times_ms: tuple[int | None, int | None] = (None, None),
) -> TrialRow:
    """Returns a trial from what its run holds, wherever that is known from.

    Args:
        name: The run's.
        status: As MLflow has it.
        tags: Of the run.
        params: As text.
        metrics: The latest value of each.
        times_ms: When it began and ended, Unix time in milliseconds.
    """
    best = {key.removeprefix("best_"): value for key, value in metrics.items() if key.startswith("best_")}
    kept = {key: metrics[key] for key in metrics if key.startswith("final_") or key in _COSTS}
    return TrialRow(
        number=int(tags["number"]),
        name=name,
        outcome=tags.get("outcome", "running" if status == "RUNNING" else "interrupted"),
        reason=tags.get("reason", ""),
        is_reference=tags["kind"] == "reference",
        params={key: parse(value) for key, value in params.items()},
        metrics={**{("best_step" if key == "step" else key): value for key, value in best.items()}, **kept},
        swept=tuple(filter(None, tags.get("swept", "").split(","))),
        trial=tags["trial"],
        short=tags.get("short") == "true",
        verdicts=tuple(filter(None, tags.get(VERDICTS, "").split(","))),
        stage=tags.get("stage", ""),
        started=_seconds(times_ms[0]),
        ended=_seconds(times_ms[1]),
        fingerprints={key: tags[key] for key in (VALIDATION, CONTENT, TOKENIZER) if key in tags},
        confusion=confusion.read(tags),
    )


def _seconds(ms: int | None) -> float | None:
    return None if ms is None else ms / 1000


_COSTS = {"planned_steps", "steps", "seconds", "peak_memory_mib", "trainable_parameters"}
_LONGEST_NUMBER = 300
"""Characters: a name of more digits is no number that anything can be computed with."""
_WORDS = {"None": None, "True": True, "False": False}


def parse(text: str) -> Any:
    """Reads a parameter back from the text that MLflow keeps: a number, a truth value, None, or the text itself."""
    if text in _WORDS:
        return _WORDS[text]
    if text[:1] in {"[", "{"}:
        return _json(text)
    for kind in (int, float) if len(text) < _LONGEST_NUMBER else ():
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
