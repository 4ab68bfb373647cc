"""Greedy continuations of prompts, token by token, without drawing a random number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch


def continued(model: Any, prompts: Sequence[Sequence[int]], most: int, end: int, pad: int) -> list[list[int]]:
    """Continues prompts together, padded on the left.

    Not `model.generate`: that takes sampling, penalties and further end tokens from the model's own folder.

    Args:
        model: A causal language model in evaluation mode; call this without gradients.
        prompts: Token ids, at least one each.
        most: The most new tokens.
        end: The end-of-sequence token's id.
        pad: The padding token's id.

    Returns:
        The new tokens of each prompt up to and with the first `end`; without one, `most` of them.
    """
    ids, mask = _left_padded(prompts, pad, model.device)
    positions, cache = (mask.cumsum(1) - 1).clamp_min(0), None
    steps: list[list[int]] = []
    ended = torch.zeros(len(prompts), dtype=torch.bool, device=model.device)
    while len(steps) < most and not ended.all():
        out = model(
            input_ids=ids,
            attention_mask=mask,
            position_ids=positions,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        )
        ids, cache = out.logits[:, -1:].argmax(-1), out.past_key_values
        steps.append(ids[:, 0].tolist())
        ended |= ids[:, 0] == end
        mask, positions = torch.cat([mask, torch.ones_like(ids)], 1), positions[:, -1:] + 1
    return [_until(list(row), end) for row in zip(*steps, strict=True)]


def _left_padded(prompts: Sequence[Sequence[int]], pad: int, device: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns ids and attention mask, both of shape (prompts, the longest prompt)."""
    width = max(map(len, prompts))
    ids = [[pad] * (width - len(prompt)) + list(prompt) for prompt in prompts]
    mask = [[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts]
    return torch.tensor(ids, device=device), torch.tensor(mask, device=device)


def _until(tokens: list[int], end: int) -> list[int]:
    return tokens[: tokens.index(end) + 1] if end in tokens else tokens
