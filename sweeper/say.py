"""Speaks to the terminal for as long as somebody listens: `lora-sweep … | head` ends the reader, not the sweep."""

from __future__ import annotations

import contextlib


def say(text: str) -> None:
    """Prints a text at once."""
    with contextlib.suppress(BrokenPipeError):
        print(text, flush=True)
