"""When Python looks for garbage: seldom while a command starts, and not once more when it ends.

Imports and compositions leave little that only the collector finds, but make half a million objects for it to look
through: at the start that costs a tenth of the time, and at the end, where each collection looks at all of them, a
second.
"""

from __future__ import annotations

import gc
import sys

_USUAL = gc.get_threshold()


def seldom() -> None:
    """Lets a command start."""
    gc.set_threshold(50_000, 20, 100)


def as_usual() -> None:
    """Lets trials run: what they leave may hold memory."""
    gc.set_threshold(*_USUAL)


def no_more() -> None:
    """Lets a process end; databases are closed here, whose last reader the collector would find."""
    as_usual()
    sqlalchemy = sys.modules.get("sqlalchemy")
    if sqlalchemy is not None:
        for item in gc.get_objects():
            if type(item) is sqlalchemy.Engine:
                item.dispose()
    gc.freeze()
