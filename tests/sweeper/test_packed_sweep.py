"""A sweep from the shell whose trials share passes where they can."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from shell import Shell

from analysis import store
from analysis.records import DATA
from sweeper.event_log import read
from sweeper.history import History

AXES = ("lora.r=4,32,2", "training.optim=adamw_torch,adamw_bnb_8bit", "trainer.capacity=3")


@pytest.fixture
def swept(shell: Shell, micro_sweep: Callable[..., list[str]]) -> Shell:
    command = ("-m", "sweep.name=s", "executor.workers=1", *micro_sweep(*AXES))
    done = shell.sweep(*command)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "| Trainer |" in done.stdout
    assert "warning: lora.r=32: 14 examples" in done.stderr and "note: " not in done.stderr
    assert "of preflight: sweep.dry_run=true shows them" in done.stderr
    assert "lora.r=32" in (shell.folder / "runs/s/preflight.md").read_text()
    again = shell.sweep(*command)
    assert "nothing left to train" in again.stdout and again.stderr == ""  # which has no need of preflight
    return shell


def test_every_row_says_who_computed_it_and_the_best_comes_again(swept: Shell) -> None:
    history = History(read(swept.folder / "runs/s/events.jsonl"))
    ran = {trial.id: trial.facts for trial in history.contenders}
    kinds = {(trial.config["training"]["optim"], ran[trial.id]["trainer"]) for trial in history.contenders}
    assert kinds == {("adamw_torch", "packed"), ("adamw_bnb_8bit", "sft")}
    shapes = {(trial.config["lora"]["r"], ran[trial.id].get("pack.r")) for trial in history.contenders}
    assert shapes == {(2, 16), (4, 16), (32, 64), (2, None), (4, None), (32, None)}
    assert {facts["pack.slots"] for facts in ran.values() if "pack.slots" in facts} == {3}

    board = (swept.folder / "runs/s/leaderboard.md").read_text()
    cells = [cell.strip() for cell in board.split("|")]
    assert cells.count("packed") == 3 and cells.count("sft") == 3 + 1  # and the untrained base
    told = json.loads(swept.report("leaderboard", "s", "--format", "json").stdout)
    assert [row["trainer.name"] for row in told["rows"]].count("packed") == 3
    client = store.open_store(f"sqlite:///{swept.folder / 'mlflow.db'}")
    loaded = store.read_sweep(client, "lora-sweeper", "s")
    assert {row.params.get("pack.slots") for row in loaded.trials} == {3, None}

    (known,) = (record for record in read(swept.folder / "runs/s/events.jsonl") if record["event"] == "data")
    (found,) = known["data"]
    assert (found["read"], found["used"], found["set_aside"], found["validation"]) == (20, 14, 6, 6)
    assert json.loads(store.sweep_runs(client, "lora-sweeper", "s")[0].data.tags[DATA]) == {"data": known["data"]}
    assert {facts["data.train_dropped"] for facts in ran.values()} == {0}

    best = (swept.folder / "runs/s/best.yaml").read_text()
    command = re.findall("# lora-sweep (.*)", best)[0].split()
    again = swept.sweep(*command)
    assert again.returncode == 0, again.stderr
    (winner,) = [trial for trial in history.contenders if f"trial {trial.number + 1}\n" in best]
    other = History(read(swept.folder / "runs/s-best/events.jsonl")).trials[winner.id]
    assert other.rungs == winner.rungs and other.facts["trainer"] == winner.facts["trainer"]
