"""Folders that appear as a whole or not at all, and that can be told from damaged ones after a power failure."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import zlib
from collections.abc import Iterator
from pathlib import Path

_CHECKSUMS = "checksums.json"
_CHUNK = 1 << 20
_FRESH = ".new"


@contextlib.contextmanager
def replaced(folder: Path) -> Iterator[Path]:
    """Yields a folder to fill, which takes the other's place at the end."""
    fresh = folder.with_name(folder.name + _FRESH)
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    yield fresh
    _sync(fresh)
    shutil.rmtree(folder, ignore_errors=True)
    fresh.rename(folder)
    _sync_names(folder.parent)


@contextlib.contextmanager
def sealed(folder: Path) -> Iterator[Path]:
    """As `replaced`, with checksums that `is_whole` compares."""
    with replaced(folder) as fresh:
        yield fresh
        (fresh / _CHECKSUMS).write_text(json.dumps(_checksums(fresh)))


def is_whole(folder: Path) -> bool:
    """True for a folder that was sealed and holds what it held then."""
    try:
        return bool(json.loads((folder / _CHECKSUMS).read_text()) == _checksums(folder))
    except (OSError, ValueError):
        return False


def remove_others(folder: Path) -> None:
    """Removes the states of other steps beside a state, and nothing that is no state."""
    for other in _states(folder.parent):
        if other != folder:
            shutil.rmtree(other, ignore_errors=True)


def make_room(folder: Path) -> None:
    """Removes, before a state is written, all but the one before it: that is the one the sweep knows of."""
    before = [other for other in _states(folder.parent) if other.name.isdigit() and int(other.name) < int(folder.name)]
    for other in _states(folder.parent):
        if not before or other != max(before, key=lambda state: int(state.name)):
            shutil.rmtree(other, ignore_errors=True)


def _states(folder: Path) -> list[Path]:
    there = folder.iterdir() if folder.is_dir() else ()
    return [path for path in there if path.name.removesuffix(_FRESH).isdigit()]


def _checksums(folder: Path) -> dict[str, int]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): _checksum(path) for path in files if path.name != _CHECKSUMS}


def _checksum(path: Path) -> int:
    """Returns a file's CRC-32, which is as fast as reading."""
    found = 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            found = zlib.crc32(chunk, found)
    return found


def _sync(folder: Path) -> None:
    """Waits until the disk has every file: a rename that survives a power failure must not outrun its content."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
        else:
            _sync_names(path)
    _sync_names(folder)


def _sync_names(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
