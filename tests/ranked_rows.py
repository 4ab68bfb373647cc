"""Made-up trials to rank: a configuration per rank, a trial per seed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from analysis.records import SweepRecords, TrialRow


def trial(rank: int, seed: int | None, value: float, **metrics: float) -> TrialRow:
    """Returns a complete trial, called by its rank and seed."""
    params: dict[str, Any] = {"lora.r": rank} | ({} if seed is None else {"training.seed": seed})
    name = f"r{rank}_s{seed}"
    found = {"eval_loss": value, **metrics}
    return TrialRow(rank * 10 + (seed or 0), name, "complete", "", False, params, found, ("lora.r",), name)


def sweep(values: Mapping[int, Mapping[int, float]], **settings: Any) -> SweepRecords:
    """Returns a sweep of values by rank and seed."""
    rows = [trial(rank, seed, value) for rank, seeds in values.items() for seed, value in seeds.items()]
    return SweepRecords("s", "eval_loss", settings.pop("direction", "minimize"), rows, **settings)


def single(*values: float, **settings: Any) -> SweepRecords:
    """Returns a sweep of one seed each."""
    return sweep({rank: {42: value} for rank, value in enumerate(values, start=1)}, **settings)
