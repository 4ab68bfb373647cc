"""Token-weighted loss over whole validation sets: what the validation loss of a sweep is made of.

TRL's own `eval_loss` averages per-batch means, and so changes with the batch size, with packing, with label smoothing
and with the loss type (facts, section 1). This one does not: it is the sum of the completion tokens' negative
log-likelihoods divided by their number.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from trainers.completion import completion_logits
from trainers.tokens import IGNORED, Tokens


@dataclass
class Totals:
    """Sums over completion tokens: nats, tokens predicted right, tokens."""

    nats: float = 0.0
    hits: float = 0.0
    count: int = 0

    def add(self, nats: float, hits: float, count: int) -> None:
        """Takes more tokens into account."""
        self.nats, self.hits, self.count = self.nats + nats, self.hits + hits, self.count + count

    def values(self) -> dict[str, float]:
        """Returns `eval_loss` (nats per completion token), its exponential `perplexity`, and `token_accuracy`."""
        loss = self.nats / self.count
        return {
            "eval_loss": loss,
            "perplexity": math.inf if loss >= 700 else math.exp(loss),  # exp overflows a float at 709.8
            "token_accuracy": self.hits / self.count,
        }


def token_totals(model: Any, rows: Sequence[Tokens], batch_size: int, pad: int, slots: int) -> list[Totals]:
    """Sums up the tokens of rows that the loss counts, slot by slot.

    Args:
        model: A causal language model in evaluation mode; call this without gradients.
        rows: Any number, none included.
        batch_size: The most rows per slot and forward pass.
        pad: The padding token's id.
        slots: How many adapters share the pass; every batch is repeated for each.
    """
    totals = [Totals() for _ in range(slots)]
    for start in range(0, len(rows), batch_size):
        inputs = right_padded(rows[start : start + batch_size], pad, model.device)
        logits, targets = completion_logits(model, *(item.repeat(slots, 1) for item in inputs))
        nats = torch.nn.functional.cross_entropy(logits, targets, reduction="none").view(slots, -1).sum(1)
        hits = (logits.argmax(-1) == targets).view(slots, -1).sum(1)
        for slot, (loss, right) in enumerate(zip(nats.tolist(), hits.tolist(), strict=True)):
            totals[slot].add(loss, right, len(targets) // slots)
    return totals


def right_padded(rows: Sequence[Tokens], pad: int, device: Any) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Returns input ids, attention mask and labels of some rows, each of shape (batch, sequence)."""
    length = max(len(row.prompt) + len(row.completion) for row in rows)
    ids = torch.full((len(rows), length), pad)
    labels, mask = torch.full_like(ids, IGNORED), torch.zeros_like(ids)
    for index, made in enumerate(row.row() for row in rows):
        end = len(made["input_ids"])
        ids[index, :end], labels[index, :end] = torch.tensor(made["input_ids"]), torch.tensor(made["labels"])
        mask[index, :end] = 1
    return ids.to(device), mask.to(device), labels.to(device)
