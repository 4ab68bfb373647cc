"""Greedy continuations of prompts, token by token, without drawing a random number."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import torch


def continued(
    model: Any,
    prompts: Sequence[Sequence[int]],
    most: int,
    end: int,
    pad: int,
    *,
    width: int = 0,
    ends: Collection[int] = (),
) -> list[list[int]]:
    """Continues prompts together, padded on the left.

    Not `model.generate`: that takes sampling, penalties and further end tokens from the model's own folder.

    Args:
        model: A causal language model in evaluation mode; call this without gradients.
        prompts: Token ids; an empty one fills a place of which nothing is asked.
        most: The most new tokens.
        end: The end-of-sequence token's id.
        pad: The padding token's id.
        width: What all are padded to, where the longest prompt is shorter.
        ends: Further tokens that end an answer.

    Returns:
        The new tokens of each prompt up to and with the first that ends it; without one, `most` of them. What fills a
        place has none.
    """
    ids, mask = _left_padded(prompts, pad, width, model.device)
    positions, cache = (mask.cumsum(1) - 1).clamp_min(0), None
    steps: list[list[int]] = []
    last = torch.tensor([end, *ends], device=model.device)
    ended = torch.tensor([not prompt for prompt in prompts], device=model.device)
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
        ended |= torch.isin(ids[:, 0], last)
        mask, positions = torch.cat([mask, torch.ones_like(ids)], 1), positions[:, -1:] + 1
    answers = zip(*steps, strict=True) if steps else [()] * len(prompts)
    return [
        _until(list(answer), {end, *ends}) if prompt else [] for prompt, answer in zip(prompts, answers, strict=True)
    ]


def _left_padded(
    prompts: Sequence[Sequence[int]], pad: int, width: int, device: Any
) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns ids and attention mask, both of shape (prompts, the longest prompt, or more)."""
    filled = [list(prompt) or [pad] for prompt in prompts]
    width = max(width, *map(len, filled))
    ids = [[pad] * (width - len(prompt)) + prompt for prompt in filled]
    mask = [[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in filled]
    return torch.tensor(ids, device=device), torch.tensor(mask, device=device)


def _until(tokens: list[int], ends: Collection[int]) -> list[int]:
    return tokens[: next((place for place, token in enumerate(tokens, start=1) if token in ends), len(tokens))]
