"""Kills a sweep's processes at random moments, and runs the same command again until it is done."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from shell import hear_interrupts, wait_for

MARK = "LORA_SWEEPER_TEST_MARK"

# A driver is mostly killed without a word; the other signals ask it to stop, which it may be too late for.
_DRIVER_SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@dataclass
class Chaos:
    """One sweep, and what happens to it.

    Attributes:
        folder: Where it runs.
        command: Its overrides.
        seed: Of the moments and victims.
        longest_s: The longest time that a sweep is left alone, mostly from when it has got a little further.
        killed: Who was killed, and how.
    """

    folder: Path
    command: Sequence[str]
    seed: int
    longest_s: float
    killed: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._dice, self._mark = random.Random(self.seed), uuid.uuid4().hex
        self._process: subprocess.Popen[bytes] | None = None
        self._started = False

    def run(self, kills: int) -> None:
        """Kills as often as is said, and then lets the sweep finish."""
        while len(self.killed) < kills:
            process = self._running()
            self._let_progress(process)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(self._dice.uniform(0, self.longest_s))
            if process.poll() is None:
                self._kill(process)
            else:
                assert process.returncode not in {0, 1}, f"done after {len(self.killed)} kills: {self.output}"
        process = self._running()
        process.wait(300)
        assert process.returncode == 0, self.output
        wait_for(lambda: not self.alive(), timeout_s=20)

    @property
    def output(self) -> str:
        return (self.folder / "output.txt").read_text()[-4000:]

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            wait_for(lambda: not self.alive(), timeout_s=20)  # a dead driver takes everything with it
            self._started = True
            with (self.folder / "output.txt").open("ab") as output:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "sweeper", *self.command],
                    cwd=self.folder,
                    stdout=output,
                    stderr=output,
                    env={**os.environ, MARK: self._mark},
                    preexec_fn=hear_interrupts,  # noqa: PLW1509 - the tests start no threads
                )
        return self._process

    def _let_progress(self, process: subprocess.Popen[bytes]) -> None:
        """Mostly waits for a few more rungs; one time in five a driver is disturbed while it starts, too."""
        begins, self._started = self._started, False
        if self._dice.random() < 0.2 and begins:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(self._dice.uniform(0, 3))
            return
        enough = self._rungs() + self._dice.randint(1, 4)
        wait_for(lambda: process.poll() is not None or self._rungs() >= enough)

    def _rungs(self) -> int:
        log = self.folder / "runs/s/events.jsonl"
        return log.read_bytes().count(b'{"event": "rung"') if log.exists() else 0

    def _kill(self, driver: subprocess.Popen[bytes]) -> None:
        others = sorted(pid for pid in self.alive() if pid != driver.pid)
        victim = self._dice.choice([driver.pid, driver.pid, *others])
        number = self._dice.choice(_DRIVER_SIGNALS) if victim == driver.pid else signal.SIGKILL
        with contextlib.suppress(ProcessLookupError):
            os.kill(victim, number)
            self.killed.append(f"{'driver' if victim == driver.pid else 'another'} {number.name}")
        if victim == driver.pid:
            driver.wait(30)

    def alive(self) -> list[int]:
        """The living processes of the sweep, found by what stands in their environment."""
        return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit() and self._is_ours(entry)]

    def _is_ours(self, entry: Path) -> bool:
        try:
            return f"{MARK}={self._mark}".encode() in (entry / "environ").read_bytes()
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            return False

    def end(self) -> None:
        """Ends whatever a failed test leaves."""
        for pid in self.alive():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@contextlib.contextmanager
def chaos(folder: Path, command: Sequence[str], seed: int, longest_s: float) -> Iterator[Chaos]:
    """Yields a sweep to disturb; nothing is left of it in the end."""
    folder.mkdir(exist_ok=True)
    made = Chaos(folder, command, seed, longest_s)
    began = time.monotonic()
    try:
        yield made
    finally:
        made.end()
        print(f"seed {seed}, {time.monotonic() - began:.0f} s: {', '.join(made.killed)}")
