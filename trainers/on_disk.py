"""What is at a path that somebody typed: nothing where it can be no path, as a name of thousands of characters."""

from __future__ import annotations

import contextlib
from pathlib import Path


def is_there(path: str | Path) -> bool:
    """True for a file or folder."""
    with contextlib.suppress(OSError):  # pathlib's own, before Python 3.14, is raised for names that are too long
        return Path(path).exists()
    return False


def is_folder(path: str | Path) -> bool:
    """True for a folder, or a link to one."""
    return is_there(path) and Path(path).is_dir()


def is_file(path: str | Path) -> bool:
    """True for a file, or a link to one."""
    return is_there(path) and Path(path).is_file()
