"""Clause 4 of the contract: bitwise the same curves, whatever the executor, the workers or an interruption."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest
from shell import Shell, wait_for

from sweeper.event_log import read
from sweeper.history import History

# Half of the trials share passes, two at a time; the other half, with an 8-bit optimizer, train alone.
SPACE = (
    "lora.r=2,4",
    "training.optim=adamw_torch,adamw_bnb_8bit",
    "lora.dropout=0.1",
    "quantization=none,nf4",
    "trainer.capacity=2",
)

Curves = dict[str, Any]


def curves(folder: Path) -> Curves:
    """Everything measured per trial, the speed of this machine left out."""
    history = History(read(folder / "runs/s/events.jsonl"))
    return {
        trial.id: (
            trial.outcome,
            [
                (step, {key: value for key, value in values.items() if key != "tokens_per_s"})
                for step, values in trial.curve
            ],
            trial.rungs,
        )
        for trial in history.trials.values()
    }


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory, micro_model: Path, rows: Path) -> Curves:
    """The undisturbed sweep: one process after the other."""
    shell = Shell(tmp_path_factory.mktemp("calm"))
    done = shell.sweep(*command(micro_model, rows, "executor=local", "executor.workers=1"))
    assert done.returncode == 0, done.stderr
    found = curves(shell.folder)
    assert len(found) == 10 and all(outcome == "complete" for outcome, _, _ in found.values())  # 8 and 2 references
    return found


def command(micro_model: Path, rows: Path, *more: str) -> list[str]:
    trial = [
        "model=path",
        f"model.path={micro_model}",
        "data=path",
        f"data.path={rows}",
        "data.validation_fraction=0.3",
    ]
    steps = ["training.max_steps=6", "training.eval_steps=2", "training.logging_steps=1", "training.warmup_steps=0"]
    return ["-m", "sweep.name=s", *trial, *steps, *SPACE, *more]


@pytest.mark.parametrize("executor", [("inline", 1), ("local", 2)], ids=lambda item: f"{item[0]}-{item[1]}")
def test_executors(shell: Shell, micro_model: Path, rows: Path, calm: Curves, executor: tuple[str, int]) -> None:
    done = shell.sweep(*command(micro_model, rows, f"executor={executor[0]}", f"executor.workers={executor[1]}"))
    assert done.returncode == 0, done.stderr
    assert curves(shell.folder) == calm


def test_pausing_and_dying(shell: Shell, micro_model: Path, rows: Path, calm: Curves) -> None:
    """Trials that pause, are killed and go on elsewhere have the curves of those that never stopped."""
    asked = command(micro_model, rows, "executor.workers=2", "pruner=halving", "pruner.kwargs.reduction_factor=2")
    log = shell.folder / "runs/s/events.jsonl"
    for paused in (3, 10):
        process = shell.start("sweeper", *asked)
        wait_for(lambda paused=paused: sum(item["event"] == "paused" for item in read(log)) >= paused)  # type: ignore[misc]
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)
    done = shell.sweep(*asked)
    assert done.returncode == 0, done.stdout + done.stderr
    found = curves(shell.folder)
    outcomes = [outcome for outcome, *_ in found.values()]
    assert (outcomes.count("complete"), outcomes.count("pruned")) == (2 + 2, 6)  # two references among them
    for trial, (_, curve, rungs) in found.items():
        assert curve == calm[trial][1][: len(curve)] and rungs == calm[trial][2][: len(rungs)]
    assert any(item.get("from_step", 0) > 0 for item in read(log) if item["event"] == "started")


def test_interruptions(shell: Shell, micro_model: Path, rows: Path, calm: Curves) -> None:
    """One sweep that was asked to stop, and later killed."""
    asked = command(micro_model, rows, "executor=local", "executor.workers=2")
    log = shell.folder / "runs/s/events.jsonl"
    for ended, number in ((1, signal.SIGINT), (5, signal.SIGKILL)):
        process = shell.start("sweeper", *asked)
        wait_for(lambda ended=ended: sum(item["event"] == "ended" for item in read(log)) >= ended)  # type: ignore[misc]
        process.send_signal(number)
        output, _ = process.communicate(timeout=60)
        if number == signal.SIGINT:
            assert process.returncode == 130 and "To continue:" in output
    done = shell.sweep(*asked)
    assert done.returncode == 0 and "measured already" in done.stdout, done.stdout + done.stderr
    assert curves(shell.folder) == calm
    board = shell.report("leaderboard").stdout
    assert "Trials: 8 complete." in board
