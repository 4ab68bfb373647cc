"""What a procedure's plan begins with: its data, and what the guide would take for them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sweeper.data_notes import data_notes
from sweeper.prior_notes import Note, notes
from sweeper.procedures import Asked

Finding = dict[str, Any]


def described(wanted: Asked, varied: Collection[str]) -> tuple[list[str], list[str], list[Finding]]:
    """Says what is known.

    Args:
        wanted: The procedure.
        varied: The parameters that its stages vary.

    Returns:
        Lines on the data, lines on the priors, and both as findings.
    """
    held = wanted.procedure.hold
    known = data_notes(wanted.facts, wanted.base)
    # What is held throughout is held, though a follow-up stage may vary it.
    priors = notes(wanted.facts, {**wanted.base, **held}, set(varied) - set(held))
    found = [_finding(item.key, wanted.base[item.key], item.text) for item in known]
    found += [_finding(item.key, item.in_use, item.text, _remedy(item)) for item in priors]
    return [item.text for item in known], [f"{item.key}: {item.text}" for item in priors], found


def _finding(key: str, value: Any, rule: str, remedy: str = "") -> Finding:
    return {"severity": "note", "key": key, "value": value, "rule": rule, "remedy": remedy}


def _remedy(note: Note) -> str:
    """Returns what would do as the guide says, where the command does not."""
    if note.fits or note.is_varied:
        return ""
    values = note.value if isinstance(note.value, list) else [note.value]
    return f"{note.key}={','.join(str(value).lower() for value in values)}"
