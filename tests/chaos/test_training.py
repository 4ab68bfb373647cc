"""Sweeps that train for real under attack: what is left is what a calm one leaves, to the last bit."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from chaos.findings import assert_sound, curves, runs, stored
from chaos.harness import chaos
from shell import Shell

KILLS = int(os.environ.get("CHAOS_TRAINING_KILLS", "3"))


def test_a_grid_ends_as_a_calm_one(tmp_path: Path, micro_sweep: Callable[..., list[str]]) -> None:
    """Half of the trials share passes, the others train alone; all drop out, and most pause."""
    steps = ["training.max_steps=160", "training.eval_steps=10", "training.logging_steps=5"]
    grid = ["lora.r=2,4,8", "training.optim=adamw_torch,adamw_bnb_8bit", "lora.dropout=0.1", "trainer.capacity=2"]
    asked = ["-m", "sweep.name=s", *micro_sweep(*steps, *grid), "executor.workers=2", "executor.max_retries=100"]
    calm = Shell(tmp_path / "calm")
    calm.folder.mkdir()
    done = calm.sweep(*asked)
    assert done.returncode == 0, done.stdout + done.stderr
    with chaos(tmp_path / "chaos", asked, seed=KILLS, longest_s=0.5) as sweep:
        sweep.run(KILLS)
    assert curves(sweep.folder) == curves(calm.folder) and len(curves(calm.folder)) == 6 + 1
    assert runs(sweep.folder) == runs(calm.folder)
    assert stored(sweep.folder) == stored(calm.folder)
    assert_sound(sweep.folder)
