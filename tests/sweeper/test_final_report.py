"""The report at a sweep's end: written once, brought to MLflow once, and never in the sweep's way."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run
from shell import Shell

# Stands in for the report itself, which has tests of its own: `fails` and `waits` say what goes wrong with it.
STAND_IN = """
import os, runpy, time
from analysis.report import writing

def write(sweep, folder, noise=None, formats=("md", "html")):
    print(f"writing in {os.getpid()}", flush=True)
    if os.path.exists("fails"):
        raise OSError("no space left on postgresql://me:secret@host/x")
    while os.path.exists("waits"):
        time.sleep(0.01)
    (folder / "figures").mkdir(exist_ok=True)
    (folder / "figures" / "curves.svg").write_text("<svg/>")
    (folder / "report.html").write_text("<p>page</p>")
    trials = len(sweep.records.trials)
    (folder / "report.md").write_text(f"# {sweep.records.name}: {trials} trials")

writing.write = write
runpy.run_module("sweeper", run_name="__main__", alter_sys=True)
"""
SWEEP = ("-m", "trainer=replay", "replay.table=t.csv", "executor=inline", "sweep.name=s", "sweep.report=true")
NEXT = "lora-report report s"


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    lines = ["lora.r,training.learning_rate,step,eval_loss"]
    for r in (1, 2, 4, 8):
        for rate in (1e-4, 1e-3, 1e-2):
            lines += [f"{r},{rate},{step},{3 - r * rate - step / 10}" for step in (1, 2, 3)]
    (tmp_path / "t.csv").write_text("\n".join(lines) + "\n")
    (tmp_path / "stand_in.py").write_text(STAND_IN)
    return Shell(tmp_path)


def swept(shell: Shell, ranks: str = "1,2") -> subprocess.CompletedProcess[str]:
    done = shell.run_warm("stand_in", *SWEEP, f"lora.r={ranks}", "training.learning_rate=1e-4,1e-3,1e-2")
    assert "Traceback" not in done.stdout + done.stderr
    return done


def events(shell: Shell) -> list[str]:
    return [json.loads(line)["event"] for line in (shell.folder / "runs/s/events.jsonl").read_text().splitlines()]


def parent(shell: Shell) -> tuple[MlflowClient, Run]:
    client = MlflowClient(f"sqlite:///{shell.folder / 'mlflow.db'}")
    (run,) = client.search_runs(["1"], "tags.kind = 'sweep'")
    return client, run


def files(client: MlflowClient, run: Run, folder: str | None = None) -> set[str]:
    found = client.list_artifacts(run.info.run_id, folder)
    return {item.path for item in found if not item.is_dir}.union(
        *(files(client, run, item.path) for item in found if item.is_dir)
    )


def kept(shell: Shell, name: str) -> str:
    (path,) = (shell.folder / "runs/artifacts").glob(f"*/artifacts/{name}")
    return path.read_text()


def test_a_report_is_written_once_and_its_files_are_in_mlflow(shell: Shell) -> None:
    done = swept(shell)
    assert done.returncode == 0, done.stderr
    assert f"{'Report:':<16}runs/s/report.md\n{'Page:':<16}runs/s/report.html" in done.stdout and NEXT in done.stdout
    assert events(shell).count("reported") == 1 and events(shell)[-1] == "delivered"
    client, run = parent(shell)
    assert files(client, run) == {"report.md", "report.html", "figures/curves.svg", "best.yaml", "leaderboard.md"}
    first = run.data.tags["report"]
    again = swept(shell)
    assert "writing in" not in again.stdout and "Report:" in again.stdout
    assert events(shell).count("reported") == 1
    more = swept(shell, "1,2,4,8")
    assert "writing in" in more.stdout and kept(shell, "report.md") == "# s: 12 trials"
    assert parent(shell)[1].data.tags["report"] != first
    tags = parent(shell)[1].data.tags
    _are_told(tags, shell.folder)
    bare = Shell(shell.folder / "bare")
    shutil.copytree(shell.folder / "runs/s", bare.folder / "runs/s")
    assert "1 report brought" in bare.report("sync", "s").stdout
    client, run = parent(bare)
    assert len(files(client, run)) == 5 and run.data.tags == tags
    assert bare.report("sync", "s").stdout == "s: nothing was missing\n"


def _are_told(tags: Mapping[str, str], folder: Path) -> None:
    """Importances and provenance are tags of the sweep."""
    found: dict[str, Any] = json.loads(tags["importances"])
    assert found["evaluator"] == "fanova" and found["trials"] == 12
    assert set(found["values"]) == {"lora.r", "training.learning_rate"}
    assert sum(found["values"].values()) == pytest.approx(1, abs=1e-3)
    assert tags["command"].endswith(" lora.r=1,2 training.learning_rate=1e-4,1e-3,1e-2")  # the first session's
    assert tags["folder"] == str(folder) and "secret" not in tags["command"]
    assert json.loads(tags["versions"]).keys() >= {"python", "torch", "peft"}
    assert json.loads(tags["hardware"])["workers"] == 1 and json.loads(tags["hardware"])["sessions"] == 2
    assert (tags["sampler"], tags["pruner"], tags["noise"]) == ("grid", "none", "0.0025")


def test_a_report_that_cannot_be_written_leaves_the_sweep_whole(shell: Shell) -> None:
    (shell.folder / "fails").touch()
    done = swept(shell)
    assert done.returncode == 0
    (line,) = [line for line in done.stdout.splitlines() if "could not be written" in line]
    assert line.endswith(f"Nothing is lost; to write it: {NEXT}") and "secret" not in done.stdout
    assert "secret" not in (shell.folder / "runs/s/log.txt").read_text()
    assert "report" not in parent(shell)[1].data.tags and events(shell)[-1] == "delivered"
    (shell.folder / "fails").unlink()
    assert "writing in" in swept(shell).stdout
    assert "report" in parent(shell)[1].data.tags


def test_ctrl_c_ends_the_writing_and_nothing_else(shell: Shell) -> None:
    (shell.folder / "waits").touch()
    fast = ("lora.r=1,2", "training.learning_rate=1e-4,1e-3,1e-2")
    running = shell.start("stand_in", *SWEEP, *fast)
    assert running.stdout is not None
    said = ""
    while "writing in" not in said:
        said += running.stdout.readline()
    time.sleep(0.1)
    os.kill(running.pid, signal.SIGINT)
    said += running.communicate(timeout=60)[0]
    assert running.returncode == 130
    assert f"Stopped while the report was written. Nothing is lost; to write it: {NEXT}" in said
    assert "Traceback" not in said and "| exp" in said and parent(shell)[1].info.status == "FINISHED"
