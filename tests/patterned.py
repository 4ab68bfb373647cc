"""Small sweeps, written down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from analysis.evidence import Evidence
from analysis.patterns.found import found
from analysis.patterns.pattern import Effect, Patterns
from analysis.ranking import Ranking
from analysis.recorded_sweep import RecordedSweep
from analysis.records import SweepRecords, TrialRow
from benchmarks.synthetic_sweeps import ranking

R, RATE, DROPOUT, SCHEDULER = "lora.r", "training.learning_rate", "lora.dropout", "training.lr_scheduler_type"


def trial(number: int, value: float | None, outcome: str = "complete", **params: Any) -> TrialRow:
    """A trial; parameters with `__` for the dot."""
    named = {key.replace("__", "."): item for key, item in params.items()}
    metrics = {} if value is None else {"eval_loss": value}
    return TrialRow(number, f"exp{number}", outcome, "", False, named, metrics, (), f"id{number}")


def sweep(
    trials: Sequence[TrialRow], direction: str = "minimize", tags: Mapping[str, str] | None = None, **more: Any
) -> tuple[RecordedSweep, Ranking]:
    records = SweepRecords("made", "eval_loss", direction, list(trials), **more)
    return RecordedSweep(records, tags or {}), ranking(records)


def patterns(trials: Sequence[TrialRow], direction: str = "minimize", **more: Any) -> Patterns:
    return found(*sweep(trials, direction, **more))


def evidence(trials: Sequence[TrialRow], direction: str = "minimize", **more: Any) -> Evidence:
    recorded, places = sweep(trials, direction, **more)
    return Evidence(recorded, places, found(recorded, places))


def effect(told: Patterns, key: str) -> Effect:
    return next(effect for effect in told.effects if effect.key == key)


def limits(told: Patterns, kind: str) -> list[str]:
    return [limit.words for limit in told.limits if limit.kind == kind]


def document_003() -> list[TrialRow]:
    """The five rows of document 003's table."""
    rows = [
        (24, 64, 0.10, "linear", 1.2727),
        (32, 64, 0.05, "linear", 1.2738),
        (32, 48, 0.05, "linear", 1.2876),
        (16, 64, 0.05, "cosine", 1.3381),
        (24, 48, 0.05, "cosine", 1.3385),
    ]
    return [
        trial(
            number,
            value,
            **{R: r, "lora.alpha": alpha, DROPOUT: dropout, SCHEDULER: scheduler, "data.name": "augmented"},
        )
        for number, (r, alpha, dropout, scheduler, value) in enumerate(rows)
    ]
