"""Sentences as bags of tokens: which tokens stand in a sentence, whatever their order and number."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from transformers import PreTrainedTokenizerFast

NEIGHBOURS = 8
"""How many similar sentences lend a sentence their words."""

NEIGHBOURS_SHARE = 0.3
"""The neighbours' share of a target: it brings words of one mood together. Without, the score is 0.49."""

LEAST_IDF = 0.1
"""Tokens of nearly every sentence, such as the full stop, keep a little weight (in nats)."""


def presence(sentences: Sequence[str], tokenizer: PreTrainedTokenizerFast) -> torch.Tensor:
    """Returns 1 where a sentence has a token and 0 elsewhere, of shape (sentences, vocabulary)."""
    present = torch.zeros(len(sentences), len(tokenizer))
    # The space in front makes the first word the token that it is in the middle of a prompt.
    for row, ids in enumerate(tokenizer([f" {sentence}" for sentence in sentences])["input_ids"]):
        present[row, ids] = 1
    return present


def expected_tokens(present: torch.Tensor) -> torch.Tensor:
    """What is expected of a sentence's words, and partly of similar sentences' words, in any order.

    Args:
        present: As `presence` returns it.

    Returns:
        A probability per sentence and token, of shape (sentences, vocabulary); rare tokens weigh more (IDF).
    """
    weights = present * _idf(present)
    own = _shares(weights)
    similarity = torch.nn.functional.normalize(weights, dim=1)
    similarity = (similarity @ similarity.T).fill_diagonal_(0)  # cosine
    closeness, neighbours = similarity.topk(min(NEIGHBOURS, len(own)), dim=1)
    lent = (_shares(closeness)[..., None] * own[neighbours]).sum(1)
    return (1 - NEIGHBOURS_SHARE) * own + NEIGHBOURS_SHARE * lent


def _idf(present: torch.Tensor) -> torch.Tensor:
    """Returns ln(sentences / (1 + sentences with the token)), of shape (vocabulary,)."""
    return (len(present) / (1 + present.sum(0))).log().clamp(min=LEAST_IDF)


def _shares(weights: torch.Tensor) -> torch.Tensor:
    """Scales every row to a sum of 1; a row of zeros stays as it is."""
    return weights / weights.sum(1, keepdim=True).clamp(min=1e-9)
