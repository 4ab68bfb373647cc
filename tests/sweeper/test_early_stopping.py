"""Trials that stop early by their own patience, on recorded curves, with and without pruners and interruptions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks.arrivals import replay, understood
from sweeper.event_log import read
from sweeper.history import History


@pytest.fixture
def curves(tmp_path: Path) -> Path:
    """Twenty ranks, eight rungs; each turns for the worse after a while, and some come back at the end."""
    lines = ["lora.r,step,eval_loss"]
    for r in range(1, 21):
        values = [2 - r / 50 - 0.1 * min(k, r % 5 + 1) + 0.05 * max(0, k - r % 5 - 1) for k in range(1, 8)]
        lines += [f"{r},{50 * k},{value:.4f}" for k, value in enumerate([*values, 0.5 + r % 2 * 2], start=1)]
    path = tmp_path / "curves.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


GRID = ("lora.r=range(1,21)",)
PATIENT = "training.early_stopping_patience=2"


def ends(history: History) -> dict[str, Any]:
    return {item.id: (item.outcome, item.reason, item.rungs, item.params) for item in history.trials.values()}


def test_they_are_complete_and_say_why(tmp_path: Path, curves: Path) -> None:
    history = replay(tmp_path / "s", understood(curves, *GRID, PATIENT), curves)
    for trial in history.contenders:
        assert trial.outcome == "complete" and trial.last_step == 50 * (trial.params["lora.r"] % 5 + 3)
        step = f"stopped early at step {trial.last_step} of 400"
        assert trial.reason == f"no better eval_loss for 2 evaluations: {step}"


def test_without_the_key_all_steps_are_run(tmp_path: Path, curves: Path) -> None:
    history = replay(tmp_path / "s", understood(curves, *GRID), curves)
    assert {(trial.last_step, trial.reason) for trial in history.contenders} == {(400, "all 400 steps done")}


@pytest.mark.parametrize("pruner", ["none", "halving", "median"])
@pytest.mark.parametrize("events", [25, 70, 120])
def test_an_interrupted_sweep_ends_as_a_calm_one(tmp_path: Path, curves: Path, pruner: str, events: int) -> None:
    asked = understood(curves, *GRID, PATIENT, f"pruner={pruner}")
    calm = ends(replay(tmp_path / "calm", asked, curves))
    assert any("stopped early" in (reason or "") for _, reason, *_ in calm.values())
    log = tmp_path / "torn" / "events.jsonl"
    replay(tmp_path / "torn", asked, curves, stop_when=lambda history: len(read(log)) >= events)
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join(lines[:-1]) + lines[-1][:20])  # killed in the middle of a record
    assert ends(replay(tmp_path / "torn", asked, curves)) == calm


def test_every_arrival_order_gives_the_same_survivors(tmp_path: Path, curves: Path) -> None:
    asked = understood(curves, *GRID, PATIENT, "pruner=halving")
    results = [ends(replay(tmp_path / str(seed), asked, curves, workers=1 + seed % 4, seed=seed)) for seed in range(10)]
    assert all(result == results[0] for result in results)
