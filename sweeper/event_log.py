"""The event log: one JSON object per line, on disk before anything else happens."""

from __future__ import annotations

import fcntl
import json
import os
import platform
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

Record = dict[str, Any]


class LogDamagedError(Exception):
    """A log was changed by something else than a crash; reading on would lose what follows."""


class LogInUseError(Exception):
    """Another process writes this log."""


def read(path: Path) -> list[Record]:
    """Reads every complete record; a line that a crash tore is the end of the log.

    Args:
        path: The log; one that does not exist is empty.

    Returns:
        The records in the order they were written.

    Raises:
        LogDamagedError: A line in the middle is no record.
    """
    return [json.loads(line) for line in _whole_lines(path)]


def _whole_lines(path: Path) -> list[bytes]:
    if not path.exists():
        return []
    lines = path.read_bytes().split(b"\n")[:-1]  # what follows the last newline is torn or empty
    while lines and not _is_record(lines[-1]):
        lines.pop()
    for number, line in enumerate(lines, start=1):
        if not _is_record(line):
            raise LogDamagedError(
                f"{path}, line {number} is no record, and records follow it: restore the file from a copy"
            )
    return lines


def _is_record(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


class EventLog:
    """Appends records to a log, after cutting off what a crash tore.

    Every record is flushed to the operating system before `append` returns, so that it survives the death of this
    process; `durable` records are also synced to the disk, so that they survive the machine's.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab")
        self._lock(path)
        self.history = read(path)
        self._file.truncate(sum(len(line) + 1 for line in _whole_lines(path)))

    def _lock(self, path: Path) -> None:
        """Keeps a second driver out; the kernel releases the lock with this process, however it ends."""
        owner = path.with_suffix(".pid")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            who = owner.read_text().strip() if owner.exists() else "another process"
            raise LogInUseError(f"{path.parent} is being written by {who}") from None
        owner.write_text(f"process {os.getpid()} on {platform.node()}\n")

    def append(self, event: str, fields: Mapping[str, Any], durable: bool = False) -> Record:
        """Writes one record.

        Args:
            event: What happened, in one word.
            fields: Its details; everything must be JSON (NaN and infinities are written as Python's json does).
            durable: Whether to wait until the disk has it.

        Returns:
            The record as a reader of the log will see it: `{"event", "time" (Unix seconds), **fields}`.
        """
        line = json.dumps({"event": event, "time": round(time.time(), 3), **fields})
        self._file.write(line.encode() + b"\n")
        self._file.flush()
        if durable:
            os.fsync(self._file.fileno())
        record: Record = json.loads(line)
        return record

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
