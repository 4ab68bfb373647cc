"""Which tokens of a tokenizer are no words."""

from __future__ import annotations

from typing import Any


def special_ids(tokenizer: Any) -> set[int]:
    """Returns the ids of a tokenizer's special tokens; of those that were added, some are words, as <think> is."""
    added = tokenizer.added_tokens_decoder.items()
    return {*tokenizer.all_special_ids, *(index for index, token in added if token.special)}
