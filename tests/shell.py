"""The command line as a user runs it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from warm import warm


def wait_for(condition: Callable[[], object], timeout_s: float = 120) -> None:
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "timed out"
        time.sleep(0.02)


def hear_interrupts() -> None:
    """Lets a child hear Ctrl-C even where the tests themselves run in the background of a shell, which ignores it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@dataclass(frozen=True)
class Shell:
    """Runs commands in one working folder."""

    folder: Path

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", *arguments]

    def run(self, *arguments: str, timeout: float = 180) -> subprocess.CompletedProcess[str]:
        """Runs a module in a process that begins with nothing, as a user does."""
        return subprocess.run(
            self.command(*arguments), cwd=self.folder, capture_output=True, text=True, timeout=timeout, check=False
        )

    def run_warm(self, *arguments: str, timeout: float = 180) -> subprocess.CompletedProcess[str]:
        """Runs a module in a process that has its libraries already: three seconds less."""
        with tempfile.TemporaryDirectory() as streams:
            output, errors = Path(streams) / "output", Path(streams) / "errors"
            output.touch()
            errors.touch()
            code = warm().run(arguments, self.folder, output, errors, timeout)
            return subprocess.CompletedProcess(arguments, code, output.read_text(), errors.read_text())

    def sweep(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.run_warm("sweeper", *arguments)

    def report(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.run_warm("analysis", *arguments)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.command(*arguments),
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            preexec_fn=hear_interrupts,  # noqa: PLW1509 - the tests start no threads
        )
