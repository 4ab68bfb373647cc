"""Worker processes on this machine: forked from a preloaded server on a CPU, spawned one per GPU."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from multiprocessing import forkserver
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerContext, SpawnContext
from pathlib import Path

from sweeper.executors import worker
from sweeper.executors.devices import Device, devices
from sweeper.executors.resources import resources_of
from sweeper.executors.tied import redirect
from sweeper.settings import Settings
from trainers import registry
from trainers.seam import LEAVES, Command, Event, Lost, Start, Test

Context = ForkServerContext | SpawnContext

_LOG_TAIL_LINES = 20

# A process that a hung driver of a GPU keeps from dying is left behind: the kernel ends it when it can.
_DEATH_S, _START_S = 10.0, 2.0

# The driver looks several times a second; a longer gap means that it was suspended, its workers with it.
_ASLEEP_S = 5.0

# How many deaths in a row are put down to the fork server, not to the trial.
_EXCUSED = 3

# What is known of a process that was not started, or whose fork server died first (multiprocessing.popen_forkserver).
_SERVER_DIED = (None, 255)


class LocalExecutor:
    """One process per device, replaced when it dies."""

    def __init__(self, settings: Settings, log: Path) -> None:
        log.parent.mkdir(parents=True, exist_ok=True)
        log.touch()
        found = devices(settings.executor)
        context = _context(settings, found, log)
        self.workers = [LocalWorker(context, settings, device, log) for device in found]

    def wait(self, timeout_s: float) -> None:
        """Returns when a worker has sent something or died."""
        wait([worker.connection for worker in self.workers if worker.busy], timeout_s)

    def close(self) -> None:
        """Kills the workers: what they were doing is repeated when the sweep continues."""
        for item in self.workers:
            item.kill()


def _context(settings: Settings, found: Sequence[Device], log: Path) -> Context:
    if any(device.gpu is not None for device in found):
        # Importing bitsandbytes initialises CUDA, which does not survive a fork.
        return multiprocessing.get_context("spawn")
    os.environ.update(
        LORA_SWEEPER_DRIVER=str(os.getpid()),
        LORA_SWEEPER_LOG=str(log.resolve()),
        LORA_SWEEPER_PRELOAD=",".join(registry.preload(settings.trainer.name)),
    )
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["sweeper.executors.fork_server"])
    return context


@contextlib.contextmanager
def _stderr_to(log: Path) -> Iterator[None]:
    """Lets helpers started here complain into the log: a killed server's semaphores are cleaned up, loudly."""
    kept = os.dup(2)
    redirect(str(log), 2)
    yield
    os.dup2(kept, 2)
    os.close(kept)


class LocalWorker:
    """The driver's end of a worker process."""

    def __init__(self, context: Context, settings: Settings, device: Device, log: Path) -> None:
        self._context, self._settings, self._device, self._log = context, settings, device, log
        self._held: set[str] = set()
        self._heard = self._looked = 0.0
        self._unheard = 0  # deaths since it last said something
        self._launch()

    def _launch(self) -> None:
        if isinstance(self._context, ForkServerContext):
            with _stderr_to(self._log):
                # Here, in the main thread: a server started from another thread dies with that thread.
                forkserver.ensure_running()
        self.connection, child = self._context.Pipe()
        self._process = self._context.Process(target=worker.main, args=(child, self._assignment()), daemon=True)
        # Starting blocks until the fork server has imported everything; commands wait in the pipe meanwhile.
        self._starter = threading.Thread(target=self._start, args=(child,), daemon=True)
        self._starter.start()

    def _start(self, child: Connection) -> None:
        # Without a process, when the fork server died in the middle of it, the closed pipe says so.
        with contextlib.suppress(EOFError, OSError):
            self._process.start()
        child.close()

    def _assignment(self) -> worker.Assignment:
        settings = self._settings
        resources = resources_of(settings, self._device)
        return worker.Assignment(settings.trainer.name, resources, self._device, os.getpid(), str(self._log))

    @property
    def busy(self) -> bool:
        """True while the process holds a trial."""
        return bool(self._held)

    def advance(self, commands: Sequence[Command]) -> Iterator[Event]:
        """Sends the commands and yields the events that have arrived; a dead or silent process loses its trials."""
        try:
            if commands:
                self._held |= {item.trial for item in commands if isinstance(item, (Start, Test))}
                self._heard = time.monotonic()
                self.connection.send(list(commands))
            while self._held and self.connection.poll():
                event = self.connection.recv()
                self._heard, self._unheard = time.monotonic(), 0
                if isinstance(event, LEAVES):
                    self._held.discard(event.trial)
                yield event
        except (EOFError, OSError):  # also in the middle of an event
            yield from self._died()
            return
        limit_s = self._settings.executor.trial_timeout_s
        if limit_s is not None and self._held and self._silent_s() > limit_s:
            yield from self._died(f"its worker said nothing for {limit_s:g} s (executor.trial_timeout_s)")

    def _silent_s(self) -> float:
        """Returns for how long the process has said nothing while somebody listened: not while all was suspended."""
        now = time.monotonic()
        if now - self._looked > _ASLEEP_S:
            self._heard = max(self._heard, now - _ASLEEP_S)
        self._looked = now
        return now - self._heard

    def _died(self, silent: str = "") -> Iterator[Event]:
        code = self._end(kills=bool(silent))
        self._unheard += 1
        reason = silent or f"its worker process died ({_exit(code)})"
        lost, self._held = sorted(self._held), set()
        detail = _tail(self._log)
        self.connection.close()
        self._launch()
        for trial in lost:
            excused = code in _SERVER_DIED and self._unheard <= _EXCUSED
            yield Lost(trial, reason, len(lost) == 1 and not excused, detail)

    def _end(self, kills: bool) -> int | None:
        """Waits for the end of the process, and returns its exit code, None where there never was one."""
        self._starter.join(_START_S if kills else None)
        if self._starter.is_alive():  # the fork server says nothing, either
            _kill_server()
            self._starter.join(_START_S)
        if self._process.pid is None:
            return None
        if kills:
            self._process.kill()
        self._process.join(_DEATH_S)
        return self._process.exitcode

    def kill(self) -> None:
        """Ends the process, whatever it is doing."""
        if not self._starter.is_alive() and self._process.pid is not None:
            self._process.kill()
            self._process.join()
        # One that is still being started dies with the driver.


def _kill_server() -> None:
    """Ends the fork server, which takes its children with it; there is no public way to it."""
    server = getattr(getattr(forkserver, "_forkserver", None), "_forkserver_pid", None)
    if server is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(server, signal.SIGKILL)


def _exit(code: int | None) -> str:
    if code in _SERVER_DIED:
        return "with the fork server"
    return f"killed by signal {-code}" if code is not None and code < 0 else f"exit code {code}"


def _tail(path: Path) -> str:
    return "\n".join(path.read_text(errors="replace").splitlines()[-_LOG_TAIL_LINES:])
