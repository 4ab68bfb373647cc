"""Disks that are full, folders that cannot be written, logs that a crash has torn."""

from __future__ import annotations

import contextlib
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from chaos.findings import curves
from shell import Shell

from sweeper.event_log import read
from sweeper.history import History

WAITS = "Nothing is lost: the sweep waits until it can write"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 8 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("nothing can be mounted here")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(disk: Path, spared: int) -> Path:
    """Leaves so many bytes."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))
    with ballast.open("rb+") as file:
        file.truncate(ballast.stat().st_size - spared)
    return ballast


def replayed(table: Path, *more: str) -> list[str]:
    swept = ["lora.r=8,16", "training.learning_rate=1e-4,2e-4", "training.seed=range(1,21)"]
    return ["-m", "sweep.name=s", "trainer=replay", f"replay.table={table}", "executor.workers=2", *swept, *more]


def trained(micro_sweep: Callable[..., list[str]]) -> list[str]:
    # A measured capacity may be another one in the other sweep, and a pack of another shape draws other dropout.
    swept = ["lora.r=2,4,8", "training.max_steps=40", "training.optim=adamw_torch,adamw_bnb_8bit", "trainer.capacity=2"]
    return ["-m", "sweep.name=s", *micro_sweep(*swept), "executor.workers=1", "sweep.keep_adapters=all"]


@pytest.mark.parametrize("kind", ["replay", "training"])
def test_a_full_disk_is_waited_for(
    tmp_path: Path, disk: Path, table: Path, micro_sweep: Callable[..., list[str]], kind: str
) -> None:
    asked = replayed(table) if kind == "replay" else trained(micro_sweep)
    calm = Shell(tmp_path / "calm")
    calm.folder.mkdir()
    assert calm.sweep(*asked).returncode == 0
    ballast = fill(disk, spared=100_000 if kind == "replay" else 400_000)
    process = Shell(disk).start("sweeper", *asked, f"tracking.uri=sqlite:///{tmp_path}/mlflow.db")
    assert process.stdout is not None
    said = ""
    while WAITS not in said:
        line = process.stdout.readline()
        assert line, said
        said += line
    before = len(read(disk / "runs/s/events.jsonl"))
    assert process.poll() is None and not unhappy(disk)
    assert "No space left on device" in said or "full disk" in said
    ballast.unlink()
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0 and "It can be written again: the sweep goes on." in said + output, said + output
    assert len(read(disk / "runs/s/events.jsonl")) > before
    assert curves(disk) == curves(calm.folder)


def unhappy(folder: Path) -> list[str]:
    trials = History(read(folder / "runs/s/events.jsonl")).trials.values()
    return [trial.id for trial in trials if trial.outcome not in {None, "complete"}]


def test_waiting_for_a_disk_can_be_interrupted(tmp_path: Path, disk: Path, table: Path) -> None:
    ballast = fill(disk, spared=100_000)
    asked = replayed(table, f"tracking.uri=sqlite:///{tmp_path}/mlflow.db")
    process = Shell(disk).start("sweeper", *asked)
    assert process.stdout is not None
    while WAITS not in process.stdout.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130 and "Traceback" not in output
    ballast.unlink()
    done = Shell(disk).sweep(*asked)
    assert done.returncode == 0 and "Trials: 80 complete." in done.stdout, done.stdout + done.stderr


def test_a_folder_that_cannot_be_written_is_said_at_once(tmp_path: Path, disk: Path, table: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    done = Shell(tmp_path).sweep(*replayed(table, f"sweep.dir={disk}/runs"))
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert str(disk) in done.stderr and ("cannot be written" in done.stderr or "Read-only" in done.stderr)


TAILS = {
    "torn": b'{"event": "rung", "tri',
    "zeros": bytes(700),
    "not UTF-8": b'{"event": "\xff\xfe"}\n',
    "half a character": '{"event": "é'.encode()[:-1],
}


def test_a_torn_tail_is_cut_off(shell: Shell, table: Path) -> None:
    asked = replayed(table, "training.seed=1,2,3")
    assert shell.sweep(*asked).returncode == 0
    whole, log = curves(shell.folder), shell.folder / "runs/s/events.jsonl"
    for name, tail in TAILS.items():
        lines = log.read_bytes().splitlines(keepends=True)
        log.write_bytes(b"".join(lines[: len(lines) // 2]) + tail)
        done = shell.sweep(*asked)
        assert done.returncode == 0 and "measured already" in done.stdout, (name, done.stdout + done.stderr)
        assert curves(shell.folder) == whole, name
