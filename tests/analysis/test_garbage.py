"""A process that ends leaves databases whole, and does not look through everything it ever imported."""

from __future__ import annotations

import gc
import json

from shell import Shell

# Runs a command as `python -m` does, and says at the very end how much the collector would look at.
LOOKED_AT = """
import atexit, gc, json, runpy, sys
atexit.register(lambda: print(json.dumps([len(gc.get_objects()), gc.get_freeze_count()])))
sys.argv[:] = sys.argv[1:]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""
SWEEP = ("-m", "trainer=replay", "replay.table=curves.csv", "executor=inline", "sweep.name=s", "lora.r=8,16")


def test_commands_end_quickly_and_close_databases(shell: Shell, table: object) -> None:
    (shell.folder / "looked_at.py").write_text(LOOKED_AT)
    for command in (("sweeper", *SWEEP, "training.learning_rate=1e-4"), ("analysis", "leaderboard")):
        done = shell.run("looked_at", *command)
        assert done.returncode == 0, done.stderr
        left, spared = json.loads(done.stdout.splitlines()[-1])
        assert left < 20_000 and spared > 100_000
        assert not list(shell.folder.rglob("*.db-*"))
    assert (shell.folder / "mlflow.db").exists() and (shell.folder / "runs/s/study.db").exists()


def test_the_collector_is_as_it_was_while_trials_run() -> None:
    from analysis import garbage

    usual = gc.get_threshold()
    garbage.seldom()
    assert gc.get_threshold() != usual
    garbage.as_usual()
    assert gc.get_threshold() == usual
