"""The ways in which the assistant's turns are told apart in a rendered conversation (`trainers.chat`)."""

from __future__ import annotations

from typing import Literal

Way = Literal["markers", "turns", "last", "chatml"]

IN_WORDS: dict[str, str] = {
    "markers": "marked by the chat template, or by TRL's version of it",
    "turns": "turn by turn, since the chat template has no generation markers",
    "last": "the last answer alone, since the chat template renders earlier ones otherwise once others follow",
    "chatml": "in ChatML, since the tokenizer has no chat template",
}
"""Each way, as it is told."""
