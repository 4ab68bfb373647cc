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
    logits, counted = counted_logits(model, labels, input_ids=input_ids, attention_mask=attention_mask)
    return logits, labels[:, 1:][counted]


def counted_logits(model: Any, labels: torch.Tensor, **inputs: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """As `completion_logits`, for whatever else a model is given.

    Args:
        model: A causal language model.
        labels: (batch, sequence), IGNORED outside the completions.
        inputs: The model's own, `input_ids` among them.

    Returns:
        Logits in float32 of shape (tokens, vocabulary), and which of `labels[:, 1:]` they predict, in that order.
    """
    counted = labels[:, 1:] != IGNORED
    columns = counted.any(0).nonzero()[:, 0]
    logits = model(**inputs, logits_to_keep=columns, use_cache=False).logits
    return logits[counted[:, columns]].float(), counted
