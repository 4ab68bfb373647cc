"""An MLflow server that is down at the start, comes, goes and comes back: nothing is lost, nothing is there twice."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from shell import Shell, wait_for
from shown import held, studies

from sweeper.event_log import read

SWEEP = (
    *("-m", "trainer=replay", "replay.table=t.csv", "executor=inline", "sweep.name=s", "sampler=random"),
    *("sweep.n_trials=60", "pruner=none", "lora.r=4,8,16", "training.learning_rate=tag(log,interval(1e-5,1e-3))"),
)


# Half of the trials wait until they are told to go: however fast the machine is, a sweep has not ended before.
HALFWAY = """
import pathlib, runpy, time
from sweeper.driver import Driver

start = Driver._start

def waiting(self, trial, worker):
    while trial.number >= 30 and not pathlib.Path("go").exists():
        time.sleep(0.02)
    return start(self, trial, worker)

Driver._start = waiting
runpy.run_module("sweeper", run_name="__main__", alter_sys=True)
"""


class Server:
    """An MLflow server on loopback that can be killed and started again."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self.uri = f"http://127.0.0.1:{self._port}"
        self._store = f"sqlite:///{folder / 'server.db'}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        module = ("-m", "mlflow", "server", "--workers", "1", "--host", "127.0.0.1", "--port", str(self._port))
        self._process = subprocess.Popen(
            [sys.executable, *module, "--backend-store-uri", self._store],
            env={**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.uri}/health", timeout=1):
                return True
        except OSError:
            return False

    def children(self) -> int:
        client = MlflowClient(self.uri)
        found = client.get_experiment_by_name("lora-sweeper")
        return 0 if found is None else len(client.search_runs([found.experiment_id], "tags.kind = 'trial'"))

    def kill(self) -> None:
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path)
    yield made
    made.kill()


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    made = Shell(tmp_path / "here")
    made.folder.mkdir()
    lines = [f"{r},{step},{3 - r / 100 - step / 10}" for r in (4, 8, 16) for step in range(1, 6)]
    (made.folder / "t.csv").write_text("\n".join(["lora.r,step,eval_loss", *lines]) + "\n")
    return made


def reader(process: subprocess.Popen[str]) -> Callable[[str], str]:
    """Returns what reads a process's output up to a line with some words."""
    assert process.stdout is not None
    lines = iter(process.stdout)

    def until(words: str) -> str:
        return next(line for line in lines if words in line)

    return until


def test_a_server_that_comes_and_goes(shell: Shell, server: Server) -> None:
    log = shell.folder / "runs/s/events.jsonl"
    (shell.folder / "halfway.py").write_text(HALFWAY)
    sweep = shell.start("halfway", *SWEEP, f"tracking.uri={server.uri}")
    try:
        until = reader(sweep)
        assert "nobody answers there" in until("does not answer")
        sweep.send_signal(signal.SIGSTOP)  # until the server is there: it takes ten seconds
        server.start()
        wait_for(server.answers)
        sweep.send_signal(signal.SIGCONT)
        wait_for(lambda: server.children() > 1)
        wait_for(lambda: len([item for item in read(log) if item["event"] == "ended"]) == 30)
        sweep.send_signal(signal.SIGSTOP)
        server.kill()
        (shell.folder / "go").touch()
        sweep.send_signal(signal.SIGCONT)
        output, _ = sweep.communicate(timeout=120)
    finally:
        sweep.kill()
    assert sweep.returncode == 0 and "Trials: 60 complete" in output, output
    assert "lora-report sync s" in output.splitlines()[-1] and "Traceback" not in output
    server.start()
    wait_for(server.answers)
    done = shell.report("sync", "--tracking-uri", server.uri)
    assert done.returncode == 0 and " runs made" in done.stdout, done.stderr
    found = shown(MlflowClient(server.uri))
    assert len(found) == 61  # the sweep's own among them
    assert found == undisturbed(shell)
    assert untimed(found) == untimed(another(shell))
    assert len(studies(shell.folder / "runs/s/study.db")["s"]) == 60


def shown(client: MlflowClient) -> dict[str, Any]:
    return held(client, client.get_experiment_by_name("lora-sweeper").experiment_id)


def undisturbed(shell: Shell) -> dict[str, Any]:
    """What a store that was never away holds of the same log."""
    assert shell.report("sync").returncode == 0
    return shown(MlflowClient(f"sqlite:///{shell.folder / 'mlflow.db'}"))


def another(shell: Shell) -> dict[str, Any]:
    """What the same command records where nothing is disturbed."""
    calm = Shell(shell.folder / "calm")
    calm.folder.mkdir()
    (calm.folder / "t.csv").write_text((shell.folder / "t.csv").read_text())
    assert calm.sweep(*SWEEP).returncode == 0
    return shown(MlflowClient(f"sqlite:///{calm.folder / 'mlflow.db'}"))


def untimed(found: dict[str, Any]) -> dict[str, Any]:
    """Leaves out what no two sweeps share: times, and what was measured of the machine."""
    return {
        trial: (name, status, params, {key: [item[:2] for item in points] for key, points in curves.items()})
        for trial, (name, status, _, _, params, _, curves, _) in found.items()
    }
