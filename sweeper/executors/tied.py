"""What every process of a sweep does first: tie itself to its parent, and speak into the log.

A tied process is killed by the kernel when its parent dies, however it dies. Without it, SIGKILL, SIGTERM or SIGHUP
of a driver would leave the fork server and its children alive for good (facts, section 9).
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def tie(parent: int) -> None:
    """Asks the kernel to kill this process when its parent dies, and leaves at once if it already has.

    Args:
        parent: The process id the parent is known to have.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def leave_signals_to_the_driver() -> None:
    """Ignores what reaches the whole process group: Ctrl-C, a scheduler's SIGTERM, a closed terminal.

    The driver decides what becomes of a sweep; a worker that died first would look like a failed trial.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def redirect(path: str, *streams: int) -> None:
    """Appends to a file what this process and its children write to some streams (1 stdout, 2 stderr)."""
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for stream in streams:
        os.dup2(log, stream)
    os.close(log)
