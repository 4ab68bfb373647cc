"""What must be written is written, if not now then when there is room again."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Iterator

from trainers.seam import Blocked

_RETRY_S = 1.0

_PASSING = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO, errno.ESTALE, errno.ENOLCK}

# How safetensors (a Rust io::Error) and torch's writer of zip files (caffe2/serialize/inline_container.cc) say it.
_SAID = ("No space left on device", "Disk quota exceeded", "Read-only file system", "inline_container.cc")


def is_passing(error: BaseException) -> bool:
    """True for an error that somebody can mend while we wait: a full disk, a folder that is not ours for now."""
    if isinstance(error, OSError):
        return error.errno in _PASSING
    return any(words in str(error) for words in _SAID)


def patiently(trial: str, write: Callable[[], object]) -> Iterator[Blocked]:
    """Writes a trial's file again and again until it succeeds; yields a sign of life before each new attempt."""
    yield from (Blocked(trial, reason) for reason in attempts(write))


def attempts(write: Callable[[], object]) -> Iterator[str]:
    """Writes again and again until it succeeds.

    Args:
        write: Can be called again after it has failed.

    Yields:
        What hinders it, before each new attempt.
    """
    while True:
        try:
            write()
            return
        except Exception as error:
            if not is_passing(error):
                raise
            yield _reason(error)
        time.sleep(_RETRY_S)


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    said = next((words for words in _SAID[:-1] if words in str(error)), None)
    return said or "a checkpoint cannot be written, as on a full disk"  # torch says a position in a file
