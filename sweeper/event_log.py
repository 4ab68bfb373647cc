"""The event log: one JSON object per line, on disk before anything else happens."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import platform
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from analysis.redaction import redacted_values, without_logins

Record = dict[str, Any]

# What a trial is made of, and is trained with.
_TRAINED_WITH = {"config", "params", "compared"}


class LogError(Exception):
    """A log cannot be gone on with; the message says why."""


class LogDamagedError(LogError):
    """A log was changed by something else than a crash; reading on would lose what follows."""


class LogInUseError(LogError):
    """Another process writes this log."""


class LogUnwritableError(LogError):
    """The folder of a sweep cannot be written."""


class Patience(Protocol):
    """Says what happens while a record cannot be written."""

    def until(self, write: Callable[[], object]) -> None:
        """Writes, once or until it succeeds."""
        ...


class Impatience:
    """Tries once."""

    def until(self, write: Callable[[], object]) -> None:
        """Writes, or raises what hinders it."""
        write()


def read(path: Path) -> list[Record]:
    """Reads every complete record; a line that a crash tore is the end of the log.

    Args:
        path: The log; one that does not exist is empty.

    Returns:
        The records in the order they were written.

    Raises:
        LogDamagedError: A line in the middle is no record.
    """
    return [record for record, _ in _whole(path)]


def _whole(path: Path) -> list[tuple[Record, int]]:
    """Returns every complete record, and how many bytes it takes."""
    if not path.exists():
        return []
    lines = path.read_bytes().split(b"\n")[:-1]  # what follows the last newline is torn or empty
    found = [(_record(line), len(line) + 1) for line in lines]
    while found and found[-1][0] is None:
        found.pop()
    whole = [(record, size) for record, size in found if record is not None]
    if len(whole) < len(found):
        number = next(number for number, (record, _) in enumerate(found, start=1) if record is None)
        raise LogDamagedError(
            f"{path}, line {number} is no record, and records follow it: restore the file from a copy"
        )
    return whole


def _record(line: bytes) -> Record | None:
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


class EventLog:
    """Appends records to a log, after cutting off what a crash tore.

    Every record is with the operating system before `append` returns, so that it survives the death of this process;
    `durable` records are also synced to the disk, so that they survive the machine's.

    Attributes:
        history: The records that were there when it was opened.
        latest: The last record by now.
    """

    def __init__(self, path: Path, patience: Patience | None = None) -> None:
        """Opens a log, and keeps others out until it is closed.

        Args:
            path: The file; it and its folder are made where they are missing.
            patience: What happens while a record cannot be written; None raises the error.

        Raises:
            LogUnwritableError: The folder or file cannot be made or written.
            LogInUseError: Another process writes it.
            LogDamagedError: A line in the middle is no record.
        """
        self._patience = patience or Impatience()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("ab", buffering=0)
            self._lock(path)
        except OSError as error:
            raise LogUnwritableError(f"{path.parent} cannot be written: {error.strerror}") from None
        whole = _whole(path)
        self.history = [record for record, _ in whole]
        self.latest: Record = self.history[-1] if self.history else {}
        self._size = sum(size for _, size in whole)
        self._file.truncate(self._size)

    def _lock(self, path: Path) -> None:
        """Keeps a second driver out; the kernel releases the lock with this process, however it ends."""
        owner = path.with_suffix(".pid")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            who = owner.read_text().strip() if owner.exists() else "another process"
            raise LogInUseError(f"{path.parent} is being written by {who}") from None
        except OSError as error:
            rule = f"its file system knows no locks ({error.strerror}), which keep a second command out"
            raise LogError(f"{path.parent}: {rule}; try: sweep.dir= on another one, or mount it with locks") from None
        owner.write_text(f"process {os.getpid()} on {platform.node()}\n")

    def append(self, event: str, fields: Mapping[str, Any], durable: bool = False) -> Record:
        """Writes one record.

        Args:
            event: What happened, in one word.
            fields: Its details, which lose their passwords; all must be JSON (NaN and infinities in Python's words).
            durable: Whether to wait until the disk has it.

        Returns:
            The record as a reader of the log will see it: `{"event", "time" (Unix seconds), **fields}`.
        """
        shown = {
            key: without_logins(value) if key in _TRAINED_WITH else redacted_values(value)
            for key, value in fields.items()
        }
        line = json.dumps({"event": event, "time": round(time.time(), 3), **shown})
        self._patience.until(lambda: self._write(line.encode() + b"\n", durable))
        self.latest = json.loads(line)
        return self.latest

    def _write(self, line: bytes, durable: bool) -> None:
        """Writes the whole line or nothing: what a full disk has room for is cut off again."""
        try:
            if self._file.write(line) != len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), self._file.name)
            if durable:
                os.fsync(self._file.fileno())
        except OSError:
            self._file.truncate(self._size)
            raise
        self._size += len(line)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
