"""Ranks the trials of a sweep."""

from __future__ import annotations

import dataclasses
import json
import math
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from analysis.markdown import escape, table
from analysis.records import SweepRecords, TrialRow

# Shown for every trial in JSON and CSV, swept or not: what the name and the table are made of.
_TRAINER = "trainer.name"
_ALWAYS = (
    "lora.r",
    "lora.alpha",
    "lora.gain",
    "lora.realised_gain",
    "lora.dropout",
    "lora.use_rslora",
    "training.learning_rate",
    "training.lr_scheduler_type",
    "training.seed",
    "data.name",
    "quantization.name",
    _TRAINER,
)

# Swept keys that the fixed columns show already.
_COVERED = {
    *("lora.r", "lora.alpha", "lora.gain", "lora.dropout", "lora.use_rslora", "data", "data.name"),
    *("training.learning_rate", "training.lr_scheduler_type"),
}

_TOLD_BY_NAME = {"LoRA", "Scheduler", "Data", "Outcome"}


@dataclass(frozen=True)
class Ranked:
    """A trial and its place; None for one that takes none."""

    place: int | None
    trial: TrialRow


@dataclass(frozen=True)
class Leaderboard:
    """The ranking: places first, then the references, then what did not complete; `outcomes` counts all trials."""

    sweep: str
    metric: str
    rows: list[Ranked]
    outcomes: dict[str, int]
    decisions: dict[str, str] = field(default_factory=dict)

    @property
    def shown(self) -> list[Ranked]:
        """The rows of the table: those with a place, and the references."""
        return [row for row in self.rows if row.place is not None or _is_measured_reference(row.trial)]

    def top(self, count: int | None) -> Leaderboard:
        """Returns the board with only the first places; references stay, and what failed, but not what was pruned."""
        if count is None:
            return self
        rows = [row for row in self.rows if (row.place or 0) <= count and row.trial.outcome != "pruned"]
        return dataclasses.replace(self, rows=rows)

    @property
    def is_of_several(self) -> bool:
        """True where the rows are those of several sweeps, and say which."""
        return any(row.trial.sweep for row in self.rows)

    @property
    def swept(self) -> list[str]:
        """The keys that were varied."""
        rows = [row for row in self.rows if not row.trial.short]  # what a short stage sets beside is no axis
        return list(dict.fromkeys(key for row in rows for key in row.trial.swept))


def _is_measured_reference(trial: TrialRow) -> bool:
    return trial.is_reference and trial.outcome == "complete"


def rank(records: SweepRecords) -> Leaderboard:
    """Ranks by the best value over each trial's curve.

    Args:
        records: The sweep.

    Returns:
        The leaderboard. Only complete trials with a finite value take a place, and none of a stage that is shorter than
        the run it stands for; equals keep the order of their numbers.
    """
    sign = 1 if records.direction == "minimize" else -1
    placed = [row for row in records.trials if _takes_a_place(row, records.metric)]
    placed.sort(key=lambda row: (sign * row.metrics[records.metric], row.number))
    references = [row for row in records.trials if row.is_reference]
    others = [row for row in records.trials if not row.is_reference and row not in placed]
    rows = [Ranked(place, row) for place, row in enumerate(placed, start=1)]
    rows += [Ranked(None, row) for row in [*references, *others]]
    outcomes = Counter(row.outcome for row in records.trials if not row.is_reference)
    return Leaderboard(records.name, records.metric, rows, dict(outcomes), records.decisions)


def _takes_a_place(row: TrialRow, metric: str) -> bool:
    return (
        row.outcome == "complete"
        and not row.is_reference
        and not row.short
        and math.isfinite(row.metrics.get(metric, math.nan))
    )


def to_markdown(board: Leaderboard) -> str:
    """Returns the table as GitHub Markdown, with the trials that take no place counted and named under it."""
    rows = [_cells(row, board) for row in board.shown]
    lines = [f"# Leaderboard of {escape(board.sweep)}", "", *table(rows), "", *_footer(board)]
    return "\n".join(lines) + "\n"


def _cells(row: Ranked, board: Leaderboard) -> dict[str, str]:
    trial, params = row.trial, row.trial.params
    reference = trial.is_reference
    return {
        "Place": str(row.place or ""),
        **({"Sweep": trial.sweep} if board.is_of_several else {}),
        "Trial": trial.name,
        f"Best {board.metric}": _number(trial.metrics.get(board.metric), 4),
        "LoRA": "untrained" if reference else _lora(params),
        "Gain": "" if reference else _significant(params.get("lora.realised_gain"), 3),
        "Learning rate": "" if reference else _significant(params.get("training.learning_rate"), 4),
        "Scheduler": "" if reference else _word(params.get("training.lr_scheduler_type")),
        "Data": _data(params),
        **{key: "" if reference else _word(params.get(key)) for key in board.swept if key not in _COVERED},
        "Trainer": _word(params.get(_TRAINER)),
        "Steps": _number(trial.metrics.get("steps"), 0),
        "Seconds": _number(trial.metrics.get("seconds"), 1),
        "Outcome": "reference" if reference else trial.outcome,
        **({"Notes": _notes(trial)} if any(map(_notes, (item.trial for item in board.shown))) else {}),
    }


def _notes(trial: TrialRow) -> str:
    """Returns what a curve shows beyond that it learned, and which way it errs on the rarest label."""
    return ", ".join(name.replace("_", " ") for name in trial.verdicts if name not in _NO_NEWS)


_NO_NEWS = {"learning", "recall_limited", "precision_limited"}


def _lora(params: dict[str, Any]) -> str:
    shown = {word: params.get(f"lora.{word}") for word in ("r", "alpha", "dropout")}
    known = [f"{word}={_significant(value, 6)}" for word, value in shown.items() if value is not None]
    return ", ".join([*known, *(["rsLoRA"] if params.get("lora.use_rslora") else [])])


def _significant(value: Any, digits: int) -> str:
    """Returns a number, of a parameter that may be unknown or stand there as text."""
    return f"{value:.{digits}g}" if isinstance(value, (int, float)) else _word(value)


def _data(params: dict[str, Any]) -> str:
    augmented = params.get("data.augmentation", "none") != "none"
    return "augmented" if augmented else _word(params.get("data.name"))


def _word(value: Any) -> str:
    if value is None:
        return ""
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def _footer(board: Leaderboard) -> list[str]:
    counted = ", ".join(f"{count} {outcome.replace('_', ' ')}" for outcome, count in sorted(board.outcomes.items()))
    unplaced = [row.trial for row in board.rows if row not in board.shown]
    decided = [f"- {escape(stage)}: {escape(reason)}" for stage, reason in board.decisions.items()]
    stages = ["", "Decisions, stage by stage:", "", *decided] if decided else []
    return [f"Trials: {counted or 'none'}.", *_explained(unplaced), *stages]


def _explained(trials: list[TrialRow]) -> list[str]:
    told = [
        f"- {escape(row.name)}: {'short, ' if row.short else ''}{row.outcome}, {escape(row.reason)}" for row in trials
    ]
    return ["", *told] if told else []


def to_frame(board: Leaderboard) -> pd.DataFrame:
    """Returns a row per trial: place, name, outcome, parameters under their dotted names, and metrics."""
    return pd.DataFrame(_records(board))


def _record(row: Ranked, board: Leaderboard, metrics: list[str]) -> dict[str, Any]:
    trial = row.trial
    keys = dict.fromkeys([*board.swept, *_ALWAYS])
    params = {key: None if trial.is_reference and _is_trained(key) else trial.params.get(key) for key in keys}
    values = {key: trial.metrics.get(key) for key in metrics}
    return {
        "place": row.place,
        **({"sweep": trial.sweep} if board.is_of_several else {}),
        "name": trial.name,
        "outcome": _outcome(trial),
        "reason": trial.reason,
        "verdicts": ",".join(trial.verdicts),
        **params,
        **values,
    }


def _is_trained(key: str) -> bool:
    """True for what an untrained base model does not have."""
    return key.startswith(("lora.", "training."))


def _outcome(trial: TrialRow) -> str:
    return "reference" if trial.is_reference and trial.outcome == "complete" else trial.outcome


def to_csv(board: Leaderboard) -> str:
    """Returns `to_frame` as CSV."""
    return to_frame(board).astype({"place": "Int64"}).to_csv(index=False)


def to_json(board: Leaderboard) -> str:
    """Returns `{"sweep", "metric", "rows": [...]}`; what is not known is null."""
    rows = [
        {key: None if isinstance(value, float) and not math.isfinite(value) else value for key, value in row.items()}
        for row in _records(board)
    ]
    return json.dumps({"sweep": board.sweep, "metric": board.metric, "rows": rows}, indent=2)


def _records(board: Leaderboard) -> list[dict[str, Any]]:
    metrics = list(dict.fromkeys(key for row in board.rows for key in row.trial.metrics))
    return [_record(row, board, metrics) for row in board.rows]


def to_text(board: Leaderboard) -> str:
    """Returns the table for a terminal, without what the names already tell."""
    rows = [_cells(row, board) for row in board.shown]
    same = {"Trainer"} if len({row["Trainer"] for row in rows if row["Place"]}) == 1 else set()
    narrow = [{key: value for key, value in row.items() if key not in {*_TOLD_BY_NAME, *same}} for row in rows]
    # Why a trial was pruned scrolled by, and stands in the file.
    rows_told = [row for row in board.rows if row.trial.outcome != "pruned"]
    told = dataclasses.replace(board, rows=rows_told, decisions={})
    return "\n".join([*table(narrow, plain=True), "", *_footer(told)])
