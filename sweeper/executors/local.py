"""Worker processes on this machine: forked from a preloaded server on a CPU, spawned one per GPU."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import threading
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
from trainers.seam import LEAVES, Command, Event, Evicted, Failed, Start

Context = ForkServerContext | SpawnContext

_LOG_TAIL_LINES = 20


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
    with _stderr_to(log):
        # Here, in the main thread: a server started from another thread dies with that thread.
        forkserver.ensure_running()
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
        self._from_steps: dict[str, int] = {}  # of the trials it holds
        self._launch()

    def _launch(self) -> None:
        self.connection, child = self._context.Pipe()
        self._process = self._context.Process(target=worker.main, args=(child, self._assignment()), daemon=True)
        # Starting blocks until the fork server has imported everything; commands wait in the pipe meanwhile.
        self._starter = threading.Thread(target=self._start, args=(child,), daemon=True)
        self._starter.start()

    def _start(self, child: Connection) -> None:
        self._process.start()
        child.close()

    def _assignment(self) -> worker.Assignment:
        settings = self._settings
        resources = resources_of(settings, self._device)
        return worker.Assignment(settings.trainer.name, resources, self._device, os.getpid(), str(self._log))

    @property
    def busy(self) -> bool:
        """True while the process holds a trial."""
        return bool(self._from_steps)

    def advance(self, commands: Sequence[Command]) -> Iterator[Event]:
        """Sends the commands and yields the events that have arrived; a dead process fails its trials."""
        try:
            if commands:
                self._from_steps |= {item.trial: item.from_step for item in commands if isinstance(item, Start)}
                self.connection.send(list(commands))
            while self._from_steps and self.connection.poll():
                event = self.connection.recv()
                if isinstance(event, LEAVES):
                    self._from_steps.pop(event.trial, None)
                yield event
        except (EOFError, ConnectionError):
            yield from self._died()

    def _died(self) -> Iterator[Event]:
        self._starter.join()
        self._process.join()
        reason = f"its worker process died ({_exit(self._process.exitcode)})"
        lost = sorted(self._from_steps)
        self.connection.close()
        self._launch()
        for trial in lost:
            # Of several trials one is to blame at most: they are tried again, and in the end each alone.
            step = self._from_steps.pop(trial)
            yield Evicted(trial, step, None) if len(lost) > 1 else Failed(trial, "failed", reason, _tail(self._log))

    def kill(self) -> None:
        """Ends the process, whatever it is doing."""
        if not self._starter.is_alive():
            self._process.kill()
            self._process.join()
        # One that is still being started dies with the driver.


def _exit(code: int | None) -> str:
    return f"killed by signal {-code}" if code is not None and code < 0 else f"exit code {code}"


def _tail(path: Path) -> str:
    return "\n".join(path.read_text(errors="replace").splitlines()[-_LOG_TAIL_LINES:])
