"""What one step of the pre-training learns from."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from transformers import PreTrainedTokenizerFast

from trainers.tiny.tokenizer import EOS

BLOCK = 96
"""Tokens of a block: about as many as the longest exercise has."""

DOCUMENTATION_SHARE = 0.05
"""Of its blocks: the model has seen other text than the sentences, and the time goes to the exercises."""


@dataclass(frozen=True)
class Answer:
    """What an exercise wants.

    Attributes:
        position: The index of the prompt's last token, at which the answer is predicted.
        sentence: The index of the sentence whose tokens are wanted.
        named: The token that is wanted most, where the instruction lists words to choose from.
    """

    position: int
    sentence: int
    named: int | None = None


@dataclass(frozen=True)
class Item:
    """Token ids: an exercise with its answer and the end-of-sequence token, or a block of plain text."""

    ids: list[int]
    answer: Answer | None = None


def reading(documents: Sequence[str], tokenizer: PreTrainedTokenizerFast, rng: random.Random) -> list[Item]:
    """Cuts documents into blocks of BLOCK tokens and returns a random share of them."""
    stream = [token for ids in tokenizer([*documents])["input_ids"] for token in (*ids, EOS)]
    blocks = [stream[start : start + BLOCK] for start in range(0, len(stream) - BLOCK, BLOCK)]
    rng.shuffle(blocks)
    return [Item(block) for block in blocks[: int(DOCUMENTATION_SHARE * len(blocks))]]
