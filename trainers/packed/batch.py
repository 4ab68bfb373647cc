"""The rows of all slots' micro-batches as tensors of the pack's shape."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from trainers.packed.shape import Shape, predicted
from trainers.tokens import IGNORED, Tokens


@dataclass(frozen=True)
class Batch:
    """Rows of slots in order; dummy rows predict nothing.

    Rows are filled up on the right: a causal model's earlier positions do not see what follows, so that no attention
    mask is needed.

    Attributes:
        ids: (slots * rows, length).
        positions: (slots * rows, completion): where a row's logits predict its completion, 0 beyond its end moved to
            the first position behind the prefix.
        targets: The same shape: what is predicted there, IGNORED beyond a completion's end.
    """

    ids: torch.Tensor
    positions: torch.Tensor
    targets: torch.Tensor

    @classmethod
    def of(cls, batches: Sequence[Sequence[Tokens]], shape: Shape, pad: int, device: torch.device) -> Batch:
        """Lays out a micro-batch per slot."""
        rows = shape.slots * shape.rows
        ids = torch.full((rows, shape.length), pad)
        positions = torch.full((rows, shape.completion), len(shape.prefix))
        targets = torch.full((rows, shape.completion), IGNORED)
        for slot, batch in enumerate(batches):
            for at, row in enumerate(batch, start=slot * shape.rows):
                ids[at, : len(row.prompt) + len(row.completion)] = torch.tensor((*row.prompt, *row.completion))
                where = predicted(row.prompt, row.completion)
                positions[at, : len(where)] = torch.tensor(where)
                targets[at, : len(where)] = torch.tensor(row.completion[-len(where) :] if where else [])
        return cls(ids.to(device), positions.to(device), targets.to(device))
