"""Replayed sweeps under attack: what is left is what a calm one leaves."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from chaos.findings import assert_replays, assert_sound, curves, history_of, runs, stored
from chaos.harness import chaos
from shell import Shell

from sweeper.decisions import Objective
from sweeper.halving import Halving

KILLS = int(os.environ.get("CHAOS_REPLAY_KILLS", "20"))
RANKS, RATES, RUNGS = 16, 10, 6

# The sweeps must not end before the kills do.
SEEDS, DRAWN = max(1, KILLS // 16), 20 + 5 * KILLS


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    lines = ["lora.r,training.learning_rate,step,eval_loss,loss"]
    for r in range(1, RANKS + 1):
        for rate in range(1, RATES + 1):
            for rung in range(1, RUNGS + 1):
                loss = 2 + abs(r - 23) / 20 + abs(rate - 4) / 10 + (r * rate * 7919 % 101) / 200 + 2 / rung
                lines.append(f"{r},{rate / 1e4},{10 * rung},{loss:.6f},{loss + 0.1:.6f}")
    path = tmp_path_factory.mktemp("table") / "curves.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def command(table: Path, *more: str) -> list[str]:
    replayed = ["trainer=replay", f"replay.table={table}", "executor.workers=2", "executor.max_retries=100"]
    return ["-m", "sweep.name=s", *replayed, *more]


def test_a_grid_ends_as_a_calm_one(tmp_path: Path, table: Path) -> None:
    rates = ",".join(str(rate / 1e4) for rate in range(1, RATES + 1))
    axes = [f"lora.r=range(1,{RANKS + 1})", f"training.learning_rate={rates}", f"training.seed=range(0,{SEEDS})"]
    asked = command(table, *axes)
    calm = Shell(tmp_path / "calm")
    calm.folder.mkdir()
    done = calm.sweep(*asked)
    assert done.returncode == 0, done.stdout + done.stderr
    with chaos(tmp_path / "chaos", asked, seed=KILLS, longest_s=0.4) as sweep:
        sweep.run(KILLS // 2)
    assert curves(sweep.folder) == curves(calm.folder) and len(curves(calm.folder)) == RANKS * RATES * SEEDS
    assert runs(sweep.folder) == runs(calm.folder)
    assert stored(sweep.folder) == stored(calm.folder)
    assert_sound(sweep.folder)


def test_a_sampler_draws_as_many_as_were_asked_for(tmp_path: Path, table: Path) -> None:
    rates = ",".join(str(rate / 1e4) for rate in range(1, RATES + 1))
    axes = [f"lora.r=range(1,{RANKS + 1})", f"training.learning_rate={rates}", f"training.seed=range(0,{SEEDS})"]
    asked = command(table, *axes, "sampler=tpe", "pruner=halving", f"sweep.n_trials={DRAWN}")
    with chaos(tmp_path, asked, seed=KILLS + 1, longest_s=0.4) as sweep:
        sweep.run(KILLS - KILLS // 2)
    history = history_of(tmp_path)
    assert len(history.contenders) == DRAWN and all(trial.outcome for trial in history.contenders)
    assert len({repr(sorted(trial.params.items())) for trial in history.contenders}) == DRAWN
    assert set(runs(tmp_path)) == set(stored(tmp_path)) == set(history.trials)
    assert_sound(tmp_path)
    objective = Objective("eval_loss", "minimize")
    assert assert_replays(tmp_path, objective, Halving(objective)) > 2 * DRAWN
