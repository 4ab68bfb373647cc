"""The logits of a few completion tokens: small enough to keep, and to compare between two states of a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from trainers.completion import completion_logits
from trainers.token_loss import right_padded
from trainers.tokens import IGNORED, Tokens

ROWS = 32
POSITIONS = 8
"""The most completion tokens of a row, counted from its end: 256 in all, 131 MB at a vocabulary of 128,000."""

_BATCH = 8


def sampled(model: Any, rows: Sequence[Tokens], pad: int) -> list[torch.Tensor]:
    """Runs a model on the first `ROWS` rows.

    Args:
        model: A causal language model; it is left in the mode it was in.
        rows: The validation rows.
        pad: The padding token's id.

    Returns:
        Logits in float32 on the CPU, batch by batch, each of shape (tokens, vocabulary).
    """
    mode = model.training
    model.eval()
    with torch.no_grad():
        made = [_batch(model, rows[start : start + _BATCH], pad) for start in range(0, min(ROWS, len(rows)), _BATCH)]
    model.train(mode)
    return made


def _batch(model: Any, rows: Sequence[Tokens], pad: int) -> torch.Tensor:
    ids, mask, labels = right_padded(rows, pad, model.device)
    left = (labels != IGNORED).flip(1).cumsum(1).flip(1)  # completion tokens from here to the row's end
    labels = labels.masked_fill(left > POSITIONS, IGNORED)
    return completion_logits(model, ids, mask, labels)[0].cpu()


@dataclass(frozen=True)
class Distance:
    """How far apart two states' logits are: mean squared error, and mean cosine similarity of the tokens' vectors."""

    mse: float
    cosine: float


def distance(one: Sequence[torch.Tensor], other: Sequence[torch.Tensor]) -> Distance:
    """Compares what `sampled` returned for the same rows."""
    squares, cosines = 0.0, 0.0
    for a, b in zip(one, other, strict=True):
        squares += float((a - b).double().square().sum())
        cosines += float(torch.cosine_similarity(a.double(), b.double(), dim=-1).sum())
    return Distance(squares / sum(item.numel() for item in one), cosines / sum(map(len, one)))
