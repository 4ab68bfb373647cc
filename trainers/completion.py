"""Logits where there is something to predict, and nowhere else."""

from __future__ import annotations

from typing import Any

import torch

from trainers.tokens import IGNORED


def completion_logits(
    model: Any, input_ids: torch.Tensor, attention_mask: torch.Tensor, labels: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Runs a causal language model and projects to the vocabulary only what the loss needs.

    Uses the model's own `logits_to_keep`, never its `lm_head`: some models scale or cap their logits on the way.

    Args:
        model: A causal language model.
        input_ids: (batch, sequence).
        attention_mask: (batch, sequence).
        labels: (batch, sequence), IGNORED outside the completions.

    Returns:
        Logits in float32 of shape (tokens, vocabulary) and the tokens they should predict, of shape (tokens,).
    """
    targets = labels[:, 1:]
    columns = (targets != IGNORED).any(0).nonzero()[:, 0]
    logits = model(input_ids=input_ids, attention_mask=attention_mask, logits_to_keep=columns, use_cache=False).logits
    targets = targets[:, columns]
    counted = targets != IGNORED
    return logits[counted].float(), targets[counted]
