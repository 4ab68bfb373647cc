"""A clock that jumps, backwards too, changes nothing but the times that are shown."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
from chaos.findings import curves, runs

from benchmarks.arrivals import replay, understood
from sweeper.event_log import EventLog
from sweeper.rebuilding import Stores, rebuild

GRID = ("lora.r=8,16", "training.learning_rate=1e-4,2e-4", "sweep.reference=false", "sweep.max_hours=1")
JUMPS_S = (0, 1, -86_400, 3, 31_536_000, -3600, 0)


def test_a_clock_that_jumps(tmp_path: Path, table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for name, jumps in (("calm", (0,)), ("jumping", JUMPS_S)):
        clock = itertools.accumulate(itertools.cycle(jumps), initial=1_800_000_000)
        monkeypatch.setattr("sweeper.event_log.time.time", lambda clock=clock: next(clock))
        folder = tmp_path / name
        note(folder, "opened", {"metric": "eval_loss", "direction": "minimize"})
        replay(folder / "runs/s", understood(table, *GRID), table, workers=2, limit_s=3600.0)
        note(folder, "closed", {"finished": True})
        monkeypatch.undo()
        rebuild("s", Stores(folder / "runs", f"sqlite:///{folder}/mlflow.db", "lora-sweeper", None))
        found.append((curves(folder), runs(folder)))
    assert found[0] == found[1] and len(found[0][1]) == 4


def note(folder: Path, event: str, fields: dict[str, Any]) -> None:
    with EventLog(folder / "runs/s/events.jsonl") as log:
        log.append(event, fields)
