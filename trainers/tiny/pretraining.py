"""The pre-training: one pass over the batches."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch.nn.functional import cross_entropy
from transformers import LlamaForCausalLM

from trainers.tiny.batches import padded
from trainers.tiny.items import Answer, Item
from trainers.tiny.tokenizer import EOS, PAD

LEARNING_RATE = 3e-3
WARMUP = 30
"""Steps."""

LAST_RATE = 0.02
"""Of LEARNING_RATE, where the cosine ends."""

BETAS, WEIGHT_DECAY, LARGEST_GRADIENT = (0.9, 0.95), 0.01, 1.0
"""As for Llama (Touvron et al. 2023, section 2.3), the decay less: there are few steps."""

NAMED_SHARE = 0.5
"""Of the target, for the word that is to be named; the sentence's other words keep the rest."""

END_WEIGHT = 0.3
"""Of the end-of-sequence token after the answer: easily learnt, and half of every completion's tokens later."""

NEXT_TOKEN_EVERY = 4
"""Steps. At every step, the head over all positions would make the build take half as long again."""

IGNORED = -100
"""`torch.nn.functional.cross_entropy`'s own mark."""


@dataclass(frozen=True)
class Asked:
    """An answer wanted in a row of a batch."""

    row: int
    answer: Answer


def train(model: LlamaForCausalLM, batches: Sequence[Sequence[Item]], expected: torch.Tensor) -> None:
    """Trains a model in place and leaves it in evaluation mode.

    Args:
        model: The model.
        batches: One per step.
        expected: The wanted probability of each token per sentence, of shape (sentences, vocabulary).
    """
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=LEARNING_RATE, betas=BETAS, weight_decay=WEIGHT_DECAY, fused=True
    )
    model.train()
    for step, batch in enumerate(batches):
        losses = _losses(model, batch, expected, with_next_token=step % NEXT_TOKEN_EVERY == 0)
        if losses:  # none between two next-token steps where all the batch is documentation
            optimizer.param_groups[0]["lr"] = _learning_rate(step, len(batches))
            _update(model, optimizer, torch.stack(losses).sum())
    model.eval()


def _update(model: LlamaForCausalLM, optimizer: torch.optim.Optimizer, loss: torch.Tensor) -> None:
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), LARGEST_GRADIENT)
    optimizer.step()
    optimizer.zero_grad()


def _learning_rate(step: int, steps: int) -> float:
    cosine = (1 + math.cos(math.pi * step / steps)) / 2
    return LEARNING_RATE * min(1, (step + 1) / WARMUP) * (LAST_RATE + (1 - LAST_RATE) * cosine)


def _losses(
    model: LlamaForCausalLM, batch: Sequence[Item], expected: torch.Tensor, *, with_next_token: bool
) -> list[torch.Tensor]:
    ids = padded(batch)
    hidden = model.model(input_ids=ids, use_cache=False).last_hidden_state
    asked = [Asked(row, item.answer) for row, item in enumerate(batch) if item.answer]
    losses = []
    if asked:
        losses += [_words_loss(model, hidden, asked, expected), END_WEIGHT * _end_loss(model, hidden, asked)]
    if with_next_token:
        losses.append(_next_token_loss(model, hidden, ids, asked))
    return losses


def _words_loss(
    model: LlamaForCausalLM, hidden: torch.Tensor, asked: Sequence[Asked], expected: torch.Tensor
) -> torch.Tensor:
    """Returns the cross-entropy of the answers with the expectation over all words that would be right."""
    wanted = expected[[item.answer.sentence for item in asked]]
    for number, item in enumerate(asked):
        if item.answer.named is not None:
            wanted[number] *= 1 - NAMED_SHARE
            wanted[number, item.answer.named] += NAMED_SHARE
    return cross_entropy(_logits(model, hidden, asked, after=0), wanted)


def _end_loss(model: LlamaForCausalLM, hidden: torch.Tensor, asked: Sequence[Asked]) -> torch.Tensor:
    return cross_entropy(_logits(model, hidden, asked, after=1), torch.full((len(asked),), EOS))


def _logits(model: LlamaForCausalLM, hidden: torch.Tensor, asked: Sequence[Asked], after: int) -> torch.Tensor:
    """Returns logits of shape (asked, vocabulary), some tokens after the prompt's last one."""
    positions = [item.answer.position + after for item in asked]
    logits: torch.Tensor = model.lm_head(hidden[[item.row for item in asked], positions])
    return logits


def _next_token_loss(
    model: LlamaForCausalLM, hidden: torch.Tensor, ids: torch.Tensor, asked: Sequence[Asked]
) -> torch.Tensor:
    """Returns the loss of plain text and of prompts; answers have their own losses."""
    following = ids[:, 1:].masked_fill(ids[:, 1:] == PAD, IGNORED)
    for item in asked:
        following[item.row, item.answer.position :] = IGNORED
    return cross_entropy(model.lm_head(hidden[:, :-1]).flatten(0, 1), following.flatten(), ignore_index=IGNORED)
