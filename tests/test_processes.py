"""No process outlives its driver, and a dead worker costs its trial alone."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from mlflow import MlflowClient
from shell import hear_interrupts, wait_for

from sweeper.event_log import read

MARK = "LORA_SWEEPER_TEST_MARK"


class Marked:
    """A sweep whose processes can all be found again by what stands in their environment."""

    def __init__(self, folder: Path, *overrides: str) -> None:
        self.folder, self.mark = folder, uuid.uuid4().hex
        self.process = subprocess.Popen(
            [sys.executable, "-m", "sweeper", "-m", "sweep.name=s", *overrides],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, MARK: self.mark},
            preexec_fn=hear_interrupts,  # noqa: PLW1509 - the tests start no threads
        )

    def alive(self) -> dict[int, str]:
        """The command line of every living process of the sweep, by its id."""
        found = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and self._is_ours(entry):
                found[int(entry.name)] = (entry / "cmdline").read_bytes().decode(errors="replace").replace("\0", " ")
        return found

    def _is_ours(self, entry: Path) -> bool:
        try:
            return f"{MARK}={self.mark}".encode() in (entry / "environ").read_bytes()
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            return False

    def events(self, kind: str) -> list[dict[str, object]]:
        return [item for item in read(self.folder / "runs/s/events.jsonl") if item["event"] == kind]

    def workers(self) -> list[int]:
        """The children of the fork server."""
        children = {pid: parent_of(pid) for pid in self.alive()}
        return [pid for pid, parent in children.items() if parent in children and parent != self.process.pid]


def parent_of(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return -1


@pytest.fixture
def marked(tmp_path: Path) -> Iterator[Callable[..., Marked]]:
    """Starts sweeps, and ends whatever a failed test leaves of them."""
    started: list[Marked] = []

    def start(*overrides: str) -> Marked:
        started.append(Marked(tmp_path, *overrides))
        return started[-1]

    yield start
    for sweep in started:
        for pid in sweep.alive():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@pytest.fixture
def endless(micro_sweep: Callable[..., list[str]]) -> list[str]:
    return micro_sweep("lora.r=2,4,8", "executor.workers=2", "training.max_steps=100000", "training.eval_steps=5")


def training(sweep: Marked) -> bool:
    return len({item["trial"] for item in sweep.events("logged")}) >= 2


def preloading(sweep: Marked) -> bool:
    return any("forkserver" in line for line in sweep.alive().values())


# One handler serves the three signals that ask; Ctrl-C while training has tests of its own below.
@pytest.mark.parametrize(
    ("moment", "number"),
    [
        (preloading, signal.SIGKILL),
        (training, signal.SIGKILL),
        (preloading, signal.SIGTERM),
        (training, signal.SIGHUP),
    ],
)
def test_a_driver_takes_everything_with_it(
    marked: Callable[..., Marked], endless: list[str], number: signal.Signals, moment: Callable[[Marked], bool]
) -> None:
    sweep = marked(*endless)
    wait_for(lambda: moment(sweep))
    assert len(sweep.alive()) >= 2
    began = time.monotonic()
    sweep.process.send_signal(number)
    output, _ = sweep.process.communicate(timeout=30)
    wait_for(lambda: not sweep.alive(), timeout_s=10)
    assert time.monotonic() - began < 15
    if number == signal.SIGKILL:
        assert sweep.process.returncode == -signal.SIGKILL
    else:
        assert sweep.process.returncode == 130 and "To continue: " in output


def test_a_signal_to_everybody_fails_no_trial(marked: Callable[..., Marked], endless: list[str]) -> None:
    """As a batch scheduler, `timeout`, a closed terminal or Ctrl-C sends it: workers first, the driver last."""
    sweep = marked(*endless)
    wait_for(lambda: training(sweep))
    others = [pid for pid in sweep.alive() if pid != sweep.process.pid]
    assert len(others) >= 3  # the fork server and two workers
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        for pid in others:
            os.kill(pid, number)
    sweep.process.send_signal(signal.SIGINT)
    output, _ = sweep.process.communicate(timeout=30)
    assert sweep.process.returncode == 130 and "To continue: " in output
    assert not sweep.events("failed")
    wait_for(lambda: not sweep.alive(), timeout_s=10)


LONG = ("training.max_steps=200", "training.eval_steps=50", "executor.workers=1")


def rungs(sweep: Marked) -> list[dict[str, object]]:
    return [item for item in sweep.events("rung") if item["step"]]  # the reference has one at step 0


@pytest.mark.parametrize("number", [signal.SIGSEGV])
def test_a_dead_worker_costs_one_rung(
    marked: Callable[..., Marked], micro_sweep: Callable[..., list[str]], number: signal.Signals
) -> None:
    sweep = marked(*micro_sweep("lora.r=2,4", *LONG, "trainer.capacity=1"))
    wait_for(lambda: len(rungs(sweep)) >= 2)
    (worker,) = sweep.workers()
    os.kill(worker, number)
    output, _ = sweep.process.communicate(timeout=120)
    assert sweep.process.returncode == 0 and "Trials: 2 complete." in output, output
    (lost,) = sweep.events("lost")
    assert lost["reason"] == f"its worker process died (killed by signal {number.value})" and lost["alone"]
    again = [item["from_step"] for item in sweep.events("started") if item["trial"] == lost["trial"]]
    assert len(again) == 2 and int(str(again[1])) >= int(str(lost["step"])) - 50 > 0
    wait_for(lambda: not sweep.alive(), timeout_s=10)


def test_a_silent_worker_is_a_dead_one(marked: Callable[..., Marked], micro_sweep: Callable[..., list[str]]) -> None:
    """As a hung GPU leaves it: the process is there, and says nothing."""
    sweep = marked(*micro_sweep("lora.r=2", *LONG, "executor.trial_timeout_s=20", "training.optim=adamw_bnb_8bit"))
    wait_for(lambda: len(rungs(sweep)) >= 1)
    (worker,) = sweep.workers()
    os.kill(worker, signal.SIGSTOP)
    output, _ = sweep.process.communicate(timeout=120)
    assert sweep.process.returncode == 0 and "Trials: 1 complete." in output, output
    (lost,) = sweep.events("lost")
    assert lost["reason"] == "its worker said nothing for 20 s (executor.trial_timeout_s)"
    wait_for(lambda: not sweep.alive(), timeout_s=10)


def test_a_dead_fork_server_is_replaced(marked: Callable[..., Marked], micro_sweep: Callable[..., list[str]]) -> None:
    sweep = marked(*micro_sweep("lora.r=2,4", *LONG, "trainer.capacity=1"))
    wait_for(lambda: len(rungs(sweep)) >= 2)
    (server,) = {parent_of(worker) for worker in sweep.workers()}
    os.kill(server, signal.SIGKILL)
    output, _ = sweep.process.communicate(timeout=120)
    assert sweep.process.returncode == 0 and "Trials: 2 complete." in output, output
    wait_for(lambda: not sweep.alive(), timeout_s=10)


def test_who_kills_its_worker_again_and_again_is_failed(
    marked: Callable[..., Marked], micro_sweep: Callable[..., list[str]]
) -> None:
    sweep = marked(*micro_sweep("lora.r=2,4", *LONG, "trainer.capacity=1", "executor.max_retries=1"))
    wait_for(lambda: rungs(sweep))
    first = rungs(sweep)[0]["trial"]
    for tries in (1, 2):
        wait_for(lambda tries=tries: [item["trial"] for item in sweep.events("began")].count(first) == tries)  # type: ignore[misc]
        (worker,) = sweep.workers()
        os.kill(worker, signal.SIGKILL)
        wait_for(lambda tries=tries: len(sweep.events("lost")) == tries)  # type: ignore[misc]
    output, _ = sweep.process.communicate(timeout=120)
    assert "Trials: 1 complete, 1 failed." in output, output
    (failure,) = sweep.events("failed")
    assert failure["reason"] == "its worker process died (killed by signal 9), after 2 tries"
    assert failure["trial"] == first and "detail" in failure


def test_a_worker_that_dies_with_several_trials_fails_none(
    marked: Callable[..., Marked], micro_sweep: Callable[..., list[str]]
) -> None:
    sweep = marked(*micro_sweep("lora.r=2,4,8", *LONG, "trainer.capacity=3"))
    wait_for(lambda: len({item["trial"] for item in sweep.events("logged")}) == 3)
    (worker,) = sweep.workers()
    os.kill(worker, signal.SIGKILL)
    output, _ = sweep.process.communicate(timeout=120)
    assert sweep.process.returncode == 0 and "Trials: 3 complete." in output, output
    assert [item["alone"] for item in sweep.events("lost")] == [False] * 3 and not sweep.events("failed")
    began = [item["facts"]["pack.slots"] for item in sweep.events("began") if "pack.slots" in item["facts"]]  # type: ignore[index, operator]
    assert began == [3] * 6  # together again


def test_a_second_driver_is_refused_and_harms_nothing(
    tmp_path: Path, marked: Callable[..., Marked], endless: list[str]
) -> None:
    first = marked(*endless)
    wait_for(lambda: training(first))
    second = marked(*endless)
    output, _ = second.process.communicate(timeout=30)
    assert second.process.returncode == 2 and f"is being written by process {first.process.pid} on " in output
    assert "Traceback" not in output and first.process.poll() is None
    first.process.send_signal(signal.SIGINT)
    output, _ = first.process.communicate(timeout=30)
    assert first.process.returncode == 130 and "To continue: " in output
    wait_for(lambda: not first.alive(), timeout_s=10)
    runs = MlflowClient(f"sqlite:///{tmp_path / 'mlflow.db'}").search_runs(["1"])
    assert {run.info.status for run in runs if run.data.tags["kind"] != "reference"} == {"KILLED"}  # none left running


@pytest.mark.parametrize("delay_s", [0.2, 0.6, 1.2, 2.0])
def test_an_early_interruption_is_no_traceback(
    marked: Callable[..., Marked], endless: list[str], delay_s: float
) -> None:
    sweep = marked(*endless)
    time.sleep(delay_s)
    sweep.process.send_signal(signal.SIGINT)
    output, _ = sweep.process.communicate(timeout=30)
    assert sweep.process.returncode in {130, -signal.SIGINT}  # the interpreter itself may still have been starting
    assert "sweeper/" not in output, output
    wait_for(lambda: not sweep.alive(), timeout_s=10)


def test_an_interruption_twice_stops_at_once(marked: Callable[..., Marked], endless: list[str]) -> None:
    sweep = marked(*endless)
    wait_for(lambda: training(sweep))
    sweep.process.send_signal(signal.SIGINT)
    sweep.process.send_signal(signal.SIGINT)
    output, _ = sweep.process.communicate(timeout=30)
    assert sweep.process.returncode == 130 and "sweeper/" not in output, output
    wait_for(lambda: not sweep.alive(), timeout_s=10)
    read(sweep.folder / "runs/s/events.jsonl")  # whole
