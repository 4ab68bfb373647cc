"""Floating-point operations of a trial's step, and how many of them a card does in bfloat16."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from trainers.tokens import Tokens

COUNTED = (
    "4 per frozen weight and token (forward, and backward to its input: frozen weights have no gradient), 6 per LoRA "
    "weight and token, 4 per weight of the head and predicted token; attention's products and padding are not counted, "
    "a prefix that is run once per trial is counted once"
)

_SIDE, _PRODUCTS = 8192, 20


@dataclass(frozen=True)
class Work:
    """The weights that a step multiplies with."""

    frozen: int
    lora: int
    head: int

    @classmethod
    def of(cls, model: Any, r: int) -> Work:
        """Counts a causal language model's weights; `r` is the rank of the adapters of all its linear layers."""
        head = model.get_output_embeddings()
        linear = [item for item in model.modules() if isinstance(item, torch.nn.Linear) and item is not head]
        return cls(
            frozen=sum(item.in_features * item.out_features for item in linear),
            lora=sum(r * (item.in_features + item.out_features) for item in linear),
            head=head.in_features * head.out_features,
        )

    def per_step(self, rows: Sequence[Tokens], batch: int, prefix: int) -> float:
        """Returns the operations of a trial's step.

        Args:
            rows: The training rows, of which a batch has the mean.
            batch: Rows per step.
            prefix: Tokens that are run once for all rows of a batch.
        """
        length = statistics.mean(len(row.prompt) + len(row.completion) for row in rows)
        predicted = statistics.mean(row.predicted for row in rows)
        tokens = batch * length - (batch - 1) * prefix
        return (4 * self.frozen + 6 * self.lora) * tokens + 4 * self.head * batch * predicted


def measured_rate() -> float:
    """Returns the operations per second of a large product of random bfloat16 matrices on the current GPU."""
    a, b = (torch.randn(_SIDE, _SIDE, device="cuda", dtype=torch.bfloat16) for _ in range(2))
    for _ in range(3):
        a @ b
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    begin.record()
    for _ in range(_PRODUCTS):
        a @ b
    end.record()
    torch.cuda.synchronize()
    seconds = float(begin.elapsed_time(end)) / 1000
    return 2 * _SIDE**3 * _PRODUCTS / seconds
