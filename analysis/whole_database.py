"""SQLite databases that appear with all their tables or not at all.

MLflow makes its tables one by one, and cannot open a database that a driver's death has left half-made.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import sqlalchemy

_PARTS = ("", "-wal", "-shm", "-journal")


def made(url: str, make: Callable[[str], sqlalchemy.Engine]) -> None:
    """Makes a database, where it is a file that does not exist yet.

    Args:
        url: As SQLAlchemy writes it; of a server's database nothing is made.
        make: Makes all tables of the database at a URL, and returns what has opened it.
    """
    name = sqlalchemy.make_url(url).database if url.startswith("sqlite:") else None
    if not name or name == ":memory:" or Path(name).exists():
        return
    fresh = Path(f"{name}.{os.getpid()}")
    try:
        # Closing it leaves one file, without a log beside it.
        make(sqlalchemy.URL.create("sqlite", database=str(fresh)).render_as_string()).dispose()
        _place(fresh, Path(name))
    finally:
        for part in _PARTS:
            Path(f"{fresh}{part}").unlink(missing_ok=True)


def _place(fresh: Path, path: Path) -> None:
    """Gives a database its name, unless somebody else was faster."""
    try:
        os.link(fresh, path)
    except FileExistsError:
        return
    except OSError:  # a file system without hard links
        if not path.exists():
            fresh.rename(path)
