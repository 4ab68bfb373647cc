"""The winner's configuration runs unchanged, and says what cannot be changed in it."""

from __future__ import annotations

import re

import pytest
from shell import Shell

from sweeper import best_config
from trainers.trial import Data, Lora, Model, Quantization, Training, TrialConfig


@pytest.fixture
def searched(shell: Shell) -> Shell:
    table = "lora.r,lora.alpha,step,eval_loss\n4,8,50,1.25\n8,16,50,1.125\n8,48,50,1.5\n"
    (shell.folder / "t.csv").write_text(table)
    asked = ("trainer=replay", "replay.table=t.csv", "executor=inline")
    done = shell.sweep("-m", "lora.r=4,8", "sweep.name=s", *asked)
    assert done.returncode == 0, done.stderr
    assert "Best config:    runs/s/best.yaml" in done.stdout
    return shell


def test_it_gives_the_winner_again(searched: Shell) -> None:
    text = (searched.folder / "runs/s/best.yaml").read_text()
    assert text.startswith("# The best of sweep s: eval_loss 1.1250, trial 2\n")
    command = re.findall("# lora-sweep (.*)", text)[0].split()
    done = searched.sweep(*command, "trainer=replay", "replay.table=t.csv", "executor=inline")
    assert done.returncode == 0, done.stderr
    assert "exp1_r8_a16" in done.stdout and "1.1250" in done.stdout
    assert (searched.folder / "runs/s-best/best.yaml").exists()


def test_a_given_alpha_stays_given(shell: Shell) -> None:
    (shell.folder / "t.csv").write_text("lora.r,lora.alpha,step,eval_loss\n8,48,50,1.5\n")
    asked = ("trainer=replay", "replay.table=t.csv", "executor=inline")
    assert shell.sweep("lora.r=8", "lora.alpha=48", "sweep.name=s", *asked).returncode == 0
    done = shell.sweep("--config-dir", "runs/s", "--config-name", "best", *asked)
    assert done.returncode == 0 and "1.5000" in done.stdout, done.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--config-name", "best"), "--config-name=best: needs its folder; try: --config-dir FOLDER"),
        (("--config-dir", "runs/s", "--config-name", "bst"), "--config-name=bst: there is no such file in the folder"),
        (
            ("--config-dir", "runs/s", "--config-name", "best", "quantization=nf4"),
            "quantization=nf4: best.yaml sets each of its values itself, whatever option is chosen; "
            "try: quantization.name=nf4",
        ),
        (("--config-dir", "runs/s", "--config-name", "best", "recipe=quick"), "recipe=quick: best.yaml sets"),
        (("--config-dir", "runs/s", "--config-name", "best", "lora.rr=4"), "lora.rr=4: there is no such parameter"),
    ],
)
def test_what_cannot_be_is_said(shell: Shell, arguments: tuple[str, ...], says: str) -> None:
    (shell.folder / "runs/s").mkdir(parents=True)
    config = TrialConfig(
        Model("tiny", "bundled:tiny"), Quantization(), Lora(8, 16, 2.0), Data("d", "d.jsonl"), Training(1e-3)
    )
    best_config.write(shell.folder / "runs/s/best.yaml", config, "s", {"metric": "eval_loss"}, "won", facts={})
    done = shell.sweep(*arguments)
    assert done.returncode == 2 and says in done.stderr, done.stderr
    assert "Traceback" not in done.stderr and "hydra" not in done.stderr.lower()


def test_a_procedure_ends_with_what_it_settled_on(shell: Shell) -> None:
    lines = ["lora.r,lora.dropout,step,loss,eval_loss"]
    lines += [f"{r},0.05,{step},{2 - step / 100},{2 - step / 100 - r / 1000}" for r in (4, 8, 16) for step in (50, 100)]
    (shell.folder / "t.csv").write_text("\n".join(lines) + "\n")
    asked = ("trainer=replay", "replay.table=t.csv", "executor=inline", "sweep.name=s")
    done = shell.sweep("-m", "procedure=rank", *asked)
    assert done.returncode == 0, done.stderr
    text = (shell.folder / "runs/s/best.yaml").read_text()
    assert "what procedure rank has settled on" in text and "\n  r: 16\n" in text and "\n  dropout: 0.05\n" in text
    decisions = (shell.folder / "runs/s/decisions.md").read_text()
    assert "## ranks" in decisions and "| lora.r=16 |" in decisions
    assert "stage ranks: 3 trials, 1 of them measured already" in done.stdout
    stopped = shell.sweep("-m", "procedure=rank", *asked[:-1], "sweep.name=b", "sweep.max_trials=2")
    assert stopped.returncode == 0 and "sweep.max_trials=2 is used up" in stopped.stdout
    assert "eval_loss 0.9920, trial 1" in (shell.folder / "runs/b/best.yaml").read_text()
