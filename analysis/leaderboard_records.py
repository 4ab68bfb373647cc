"""The leaderboard for programs: CSV and JSON."""

from __future__ import annotations

import dataclasses
import json
import math
from typing import TYPE_CHECKING, Any

from analysis.configuration import SEED
from analysis.leaderboard import Leaderboard, Ranked

if TYPE_CHECKING:
    import pandas as pd

# In every row, swept or not: what the name and the table are made of.
_ALWAYS = (
    "lora.r",
    "lora.alpha",
    "lora.gain",
    "lora.realised_gain",
    "lora.dropout",
    "lora.use_rslora",
    "training.learning_rate",
    "training.lr_scheduler_type",
    SEED,
    "data.name",
    "quantization.name",
    "trainer.name",
)


def records(board: Leaderboard) -> list[dict[str, Any]]:
    """Returns a row per configuration: place, name, outcome, parameters under their dotted names, metrics, ties, seeds.

    Metrics are means over its seeds; everything else but `verdicts` is its first trial's. `low` and `high` are the 95 %
    interval of the metric's mean.
    """
    metrics = list(dict.fromkeys(key for row in board.rows for key in row.metrics))
    return [_record(row, board, metrics) for row in board.rows]


def _record(row: Ranked, board: Leaderboard, metrics: list[str]) -> dict[str, Any]:
    trial, means = row.trial, row.metrics
    keys = dict.fromkeys([*board.swept, *_ALWAYS])
    params = {key: None if trial.is_reference and _is_trained(key) else trial.params.get(key) for key in keys}
    low, high = row.interval or (None, None)
    return {
        "place": row.place,
        **({"sweep": row.sweeps} if board.is_of_several else {}),
        "name": trial.name,
        "outcome": "reference" if trial.is_reference and trial.outcome == "complete" else trial.outcome,
        "reason": trial.reason,
        "verdicts": ",".join(row.verdicts),
        **params,
        **{key: means.get(key) for key in metrics},
        "low": low,
        "high": high,
        "seeds": [] if trial.is_reference else list(row.configuration.seeds),
        "trials": [item.name for item in row.configuration.trials],
        "tied_with": list(row.tied_with),
    }


def _is_trained(key: str) -> bool:
    """True for what an untrained base model does not have."""
    return key.startswith(("lora.", "training."))


def to_frame(board: Leaderboard) -> pd.DataFrame:
    """Returns `records` as a frame; lists are joined by commas."""
    import pandas as pd

    rows = [{**row, **{key: ",".join(map(str, row[key])) for key in _LISTS}} for row in records(board)]
    return pd.DataFrame(rows)


_LISTS = ("seeds", "trials", "tied_with")


def to_csv(board: Leaderboard) -> str:
    """Returns `to_frame` as CSV."""
    return to_frame(board).astype({"place": "Int64"}).to_csv(index=False) if board.rows else ""


def to_json(board: Leaderboard) -> str:
    """Returns `{"sweep", "metric", "noise", "rows": [...]}`; what is not known is null."""
    rows = [{key: _known(value) for key, value in row.items()} for row in records(board)]
    noise = None if board.noise is None else {key: _known(value) for key, value in _fields(board).items()}
    return json.dumps({"sweep": board.sweep, "metric": board.metric, "noise": noise, "rows": rows}, indent=2)


def _fields(board: Leaderboard) -> dict[str, Any]:
    return {} if board.noise is None else dataclasses.asdict(board.noise)


def _known(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
