"""Whether tokens cross the boundary between prompt and completion, counted without transformers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sweeper.tokenizer_file import opened
from trainers.data import Example
from trainers.evenly_spaced import evenly_spaced

MOST_JOINED = 1_000
"""Examples that are looked at, evenly spaced: the share is off by 1.6 % at most, as one standard error."""


def crossing(file: Path | None, examples: Sequence[Example]) -> float:
    """Returns the share of examples with a token that holds the prompt's end and the completion's beginning.

    Args:
        file: A tokenizer.json; without one, or one that cannot be read, the share is 0.
        examples: At least one.
    """
    taken = evenly_spaced(examples, MOST_JOINED)
    joined = [item for item in taken if item.prompt and not item.messages]
    if file is None or not joined:
        return 0.0
    tokenizer = opened(file)
    if tokenizer is None:
        return 0.0
    alone = tokenizer.encode_batch([item.prompt for item in joined])
    whole = tokenizer.encode_batch([item.prompt + item.completion for item in joined])
    return sum(_crosses(*pair) for pair in zip(alone, whole, strict=True)) / len(taken)


def _crosses(alone: Any, whole: Any) -> bool:
    """True where a prompt's tokens are no beginning of the whole's; what a tokenizer adds behind a text is no token."""
    pairs = zip(alone.ids, alone.special_tokens_mask, whole.ids, strict=False)
    return any(token != other and not added for token, added, other in pairs)
