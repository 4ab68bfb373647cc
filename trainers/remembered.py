"""Small measurements of this machine that are worth keeping: a JSON file of numbers by name."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any


@contextlib.contextmanager
def alone(path: Path) -> Iterator[None]:
    """Lets one process at a time measure or build what a file stands for, while others wait for what it finds.

    The lock dies with its process.
    """
    with contextlib.ExitStack() as opened:
        with contextlib.suppress(OSError):  # where nothing can be written, everybody finds out for itself
            path.parent.mkdir(parents=True, exist_ok=True)
            file = opened.enter_context(path.with_suffix(".lock").open("w"))
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def recall(path: Path, name: str) -> float | None:
    """Returns a number, None where it was not measured yet."""
    found = _read(path).get(name)
    return found if isinstance(found, (int, float)) else None


def remember(path: Path, name: str, value: float) -> None:
    """Keeps a number in place of an earlier one, where it can be written; the file is replaced as a whole."""
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(f".{os.getpid()}")
        fresh.write_text(json.dumps({**_read(path), name: value}, indent=1))
        fresh.rename(path)


def _read(path: Path) -> dict[str, Any]:
    """Reads the file; one that is damaged is as good as none: it is a cache."""
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
