"""A password that is planted wherever a URL can be given turns up in no file and no stream."""

from __future__ import annotations

import contextlib
import logging
import socket
import subprocess
import sys
import urllib.request
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from shell import Shell, wait_for

from sweeper import driver_log

SECRET = "pl4nted"
DATABASE = f"postgresql://me:{SECRET}%40x@127.0.0.1:1/db?sslpassword={SECRET}"


def found_in(folder: Path) -> list[str]:
    return [str(path) for path in folder.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, int]]:
    """An MLflow server on loopback: its folder and its port."""
    folder = tmp_path_factory.mktemp("server")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = ["server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    with (folder / "log").open("w") as log:
        running = subprocess.Popen(
            [sys.executable, "-m", "mlflow", *command, "--backend-store-uri", "sqlite:///m.db"],
            cwd=folder,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )

    def answers() -> bool:
        with contextlib.suppress(OSError):
            return bool(urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=1).status)
        return False

    try:
        wait_for(answers)
        yield folder, port
    finally:
        running.terminate()
        running.wait(20)


def test_a_sweep_writes_and_says_no_password(shell: Shell, table: Path, server: tuple[Path, int]) -> None:
    folder, port = server
    uri = f"http://me:{SECRET}%40@127.0.0.1:{port}"
    storage = f"sweep.storage='sqlite:///file:study.db?uri=true&password={SECRET}'"
    base = (
        "-m",
        "trainer=replay",
        f"replay.table={table}",
        "executor=inline",
        "lora.r=8",
        f"tracking.uri={uri}",
        storage,
    )
    drawn = ("lora.dropout=interval(0,0.2)", "pruner=none")  # so that trials complete within the second, however few
    asked = (*base, *drawn, "training.learning_rate=1e-4", "sweep.name=s", "sweep.timeout_s=1")
    done = shell.sweep(*asked)
    said = done.stdout + done.stderr
    assert done.returncode == 0 and "To continue" in said and "me:***@127.0.0.1" in said, said
    refused = shell.sweep(*asked, "lora.bias=all", f"+lora.kwargs.note={uri}")
    report = shell.report("leaderboard", "s", "--tracking-uri", uri)
    assert report.returncode == 0 and "complete" in report.stdout, report.stderr
    for text in (said, refused.stdout + refused.stderr, report.stdout + report.stderr):
        assert SECRET not in text, text
    assert (shell.folder / "runs/s/sweep.yaml").is_file() and (folder / "m.db").stat().st_size
    assert found_in(shell.folder) == [] and found_in(folder) == []


@pytest.mark.parametrize("key", ["tracking.uri", "sweep.storage"])
@pytest.mark.parametrize("more", [(), ("sweep.dry_run=true",), ("sweep.dry_run=json",), ("lora.rnk=8",)])
def test_neither_plans_nor_complaints_have_it(shell: Shell, key: str, more: tuple[str, ...]) -> None:
    done = shell.sweep(f"{key}='{DATABASE}'", f"+lora.kwargs.url='{DATABASE}'", *more)
    assert SECRET not in done.stdout + done.stderr
    assert done.stdout + done.stderr and found_in(shell.folder) == []


def test_the_report_does_not_repeat_it(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    done = shell.report("leaderboard", "--tracking-uri", DATABASE)
    assert done.returncode == 1 and "lora-report: " in done.stderr and "Traceback" not in done.stderr
    monkeypatch.setenv("MLFLOW_TRACKING_URI", DATABASE)
    told = shell.report("leaderboard", "--help")
    assert told.returncode == 0 and "me:***@" in told.stdout, told.stderr
    assert SECRET not in done.stdout + done.stderr + told.stdout + told.stderr


def test_what_libraries_say_is_kept_without_it(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    with driver_log.kept(path):
        logging.getLogger("mlflow").warning("cannot reach %s", DATABASE)
        warnings.warn(f"odd: {DATABASE}", stacklevel=1)
        try:
            raise OSError(DATABASE)
        except OSError:
            logging.getLogger("optuna").exception("failed")
    text = path.read_text()
    assert text.count("me:***@") >= 3 and "Traceback" in text and SECRET not in text
