"""Speaks to the terminal for as long as somebody listens: `lora-sweep … | head` ends the reader, not the sweep."""

from __future__ import annotations

import contextlib
import sys

from analysis.redaction import redacted
from analysis.visible import visible


def shown(text: str) -> str:
    """Returns a text as a terminal may have it: without passwords, its control characters shown."""
    return visible(redacted(text))


def say(text: str) -> None:
    """Prints a text at once."""
    with contextlib.suppress(BrokenPipeError):
        print(shown(text), flush=True)


def warn(text: str) -> None:
    """Prints a text on the error stream, where it stays out of what is piped on."""
    with contextlib.suppress(BrokenPipeError):
        print(shown(text), file=sys.stderr, flush=True)


def refuse(error: Exception) -> None:
    """Says on the error stream why a command does nothing."""
    print(f"lora-sweep: {shown(str(error))}", file=sys.stderr)
