"""Sweeps made up for the report: rows as MLflow would tell them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from analysis.configuration import configurations
from analysis.evidence import Evidence
from analysis.patterns.pattern import Patterns
from analysis.ranking import Noise, Place, Ranking
from analysis.recorded_sweep import RecordedSweep
from analysis.records import SweepRecords, TrialRow

PARAMS: dict[str, Any] = {
    "lora.r": 8,
    "lora.alpha": 16,
    "lora.gain": 2.0,
    "lora.realised_gain": 2.0,
    "lora.dropout": 0.05,
    "lora.use_rslora": False,
    "training.learning_rate": 1e-4,
    "training.lr_scheduler_type": "linear",
    "training.seed": 42,
    "data.name": "mine",
    "data.augmentation": "none",
    "trainer.name": "sft",
}


def row(number: int, value: float, params: Mapping[str, Any] | None = None, **metrics: float) -> TrialRow:
    """Returns a complete trial whose best `eval_loss` is `value`."""
    return TrialRow(
        number=number,
        name=f"exp{number + 1}",
        outcome="complete",
        reason="all steps done",
        is_reference=False,
        params={**PARAMS, **(params or {})},
        metrics={"eval_loss": value, "final_eval_loss": value, "best_step": 100.0, "steps": 100.0, **metrics},
        swept=tuple(params or {}),
        trial=f"{number:012x}",
        stage="search",
    )


def sweep_of(rows: Sequence[TrialRow], metric: str = "eval_loss", direction: str = "minimize") -> RecordedSweep:
    """Returns a sweep of these trials."""
    tags = {"kind": "sweep", "sweep": "made-up", "metric": metric, "direction": direction}
    return RecordedSweep(SweepRecords("made-up", metric, direction, list(rows)), tags)


def places_of(rows: Sequence[TrialRow], tied: int = 1, metric: str = "eval_loss") -> Ranking:
    """Returns a ranking of trials in the order they are given, the first `tied` of which share a place."""
    found = configurations(rows)
    names = [item.name for item in found]
    places = [
        Place(
            1 if index < tied else index + 1,
            item,
            item.mean(metric) or 0.0,
            None,
            tuple(name for name in names[:tied] if name != item.name) if index < tied else (),
        )
        for index, item in enumerate(found)
    ]
    return Ranking(metric, "minimize", tuple(places), Noise("unknown", None, "made up"))


def evidence_of(rows: Sequence[TrialRow], tied: int = 1) -> Evidence:
    """Returns the evidence of trials in the order of their places."""
    return Evidence(sweep_of(rows), places_of(rows, tied), Patterns())
