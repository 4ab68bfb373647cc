"""`lora-report rebuild` and `sync`: the views of a sweep from its log alone."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from shell import Shell
from shown import held, studies

from sweeper.event_log import EventLog

SWEEP = ("-m", "trainer=replay", "replay.table=t.csv", "executor=inline")


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """A search by halving that was widened once, with a trial that diverges, and a procedure with decisions."""
    shell = Shell(tmp_path_factory.mktemp("swept"))
    lines = ["lora.r,step,eval_loss"]
    for r in (1, 2, 4, 8, 16):
        lines += [f"{r},{step},{'nan' if (r, step) == (8, 1) else r - step / 10}" for step in (1, 2, 3, 4)]
    (shell.folder / "t.csv").write_text("\n".join(lines) + "\n")
    for ranks in ("1,2,4", "1,2,4,8,16"):
        done = shell.sweep(*SWEEP, "sweep.name=s", "pruner=halving", f"lora.r={ranks}")
        assert done.returncode == 0, done.stderr
    own = shell.folder / "mine" / "procedure" / "two.yaml"
    own.parent.mkdir(parents=True)
    own.write_text("name: two\nstages: {only: {vary: {lora.r: [4, 8]}, choose: {rule: smallest}}}\n")
    done = shell.sweep("--config-dir", "mine", *SWEEP, "sweep.name=p", "procedure=two")
    assert done.returncode == 0, done.stderr
    return shell


def views(shell: Shell, experiment: str = "lora-sweeper") -> tuple[Any, ...]:
    client = MlflowClient(f"sqlite:///{shell.folder / 'mlflow.db'}")
    found = client.get_experiment_by_name(experiment)
    return held(client, found.experiment_id, "s"), studies(shell.folder / "runs/s/study.db")


def copied(swept: Shell, tmp_path: Path) -> Shell:
    shutil.copytree(swept.folder, tmp_path / "copy")
    return Shell(tmp_path / "copy")


def test_rebuilding_makes_what_there_was(swept: Shell, tmp_path: Path) -> None:
    shell = copied(swept, tmp_path)
    before = views(shell)
    assert {run[1] for run in before[0].values()} == {"FINISHED", "KILLED", "FAILED"} and set(before[1]) == {"s", "s+"}
    done = shell.report("rebuild", "s")
    assert done.returncode == 0, done.stderr
    assert "6 old runs are in MLflow's trash; 6 runs made" in done.stdout
    assert views(shell) == before
    bare = copied(swept, tmp_path / "bare")
    for path in ("mlflow.db", "runs/s/study.db"):
        (bare.folder / path).unlink()
    assert bare.report("rebuild", "s").returncode == 0
    assert views(bare) == before


def test_syncing_brings_what_is_missing_and_touches_nothing_else(swept: Shell, tmp_path: Path) -> None:
    shell = copied(swept, tmp_path)
    before = views(shell)
    client = MlflowClient(f"sqlite:///{shell.folder / 'mlflow.db'}")
    parent = client.search_runs(["1"], "tags.sweep = 's'")[0].info.run_id
    mine = f"tags.`mlflow.parentRunId` = '{parent}'"
    ids = {run.info.run_id for run in client.search_runs(["1"], mine)}
    lost = min(ids)
    client.delete_run(lost)
    (shell.folder / "runs/s/study.db").unlink()
    done = shell.report("sync")
    assert done.returncode == 0 and "s: 1 run made, 8 trials added" in done.stdout, done.stdout + done.stderr
    assert "p: nothing was missing" in done.stdout
    assert views(shell) == before
    assert ids - {lost} < {run.info.run_id for run in client.search_runs(["1"], mine)}
    assert shell.report("sync", "s").stdout == "s: nothing was missing\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["rebuild", "../x"], "there is no sweep '../x'"),
        (["rebuild", ".."], "there is no sweep '..'"),
        (["sync", "none"], "there is no sweep 'none' in runs; there are: p, s"),
        (["sync", "s", "--tracking-uri", "http://127.0.0.1:9"], "MLflow does not answer"),
        (["rebuild", "s", "--tracking-uri", "foo"], "--tracking-uri foo: "),
    ],
)
def test_what_is_wrong_is_said(swept: Shell, arguments: list[str], words: str) -> None:
    done = swept.report(*arguments)
    assert done.returncode == 1 and words in done.stderr and "Traceback" not in done.stderr, done.stderr


def test_a_sweep_that_runs_delivers_itself(swept: Shell) -> None:
    with EventLog(swept.folder / "runs/s/events.jsonl"):
        done = swept.report("rebuild", "s")
    assert done.returncode == 1 and "is being written by process" in done.stderr


def test_what_a_sweep_decided_is_made_anew(swept: Shell, tmp_path: Path) -> None:
    shell = copied(swept, tmp_path)
    (shell.folder / "mlflow.db").unlink()
    shutil.rmtree(shell.folder / "runs/artifacts")
    assert shell.report("sync", "p").returncode == 0
    client = MlflowClient(f"sqlite:///{shell.folder / 'mlflow.db'}")
    (parent,) = client.search_runs(["1"], "tags.kind = 'sweep'")
    records = [json.loads(line) for line in (shell.folder / "runs/p/events.jsonl").read_text().splitlines()]
    chosen = {item["stage"]: item["reason"] for item in records if item["event"] == "chosen"}
    assert {f"decision.{stage}": reason for stage, reason in chosen.items()}.items() <= parent.data.tags.items()
    (page,) = (shell.folder / "runs/artifacts").glob("*/artifacts/decisions.md")
    assert page.read_text() == (shell.folder / "runs/p/decisions.md").read_text()
