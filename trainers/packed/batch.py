"""The rows of all slots' micro-batches as tensors of the pack's shape."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from trainers.packed.shape import Shape, predicted
from trainers.tokens import IGNORED, Tokens

_STEP = 8  # tokens: few different lengths, none much longer than it must be


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
        """Lays out a micro-batch per slot.

        A pack of one slot has no neighbours: its passes are as long as the rows that are in them, and no longer.
        """
        shape = _trimmed(shape, batches[0]) if shape.slots == 1 else shape
        laid = [row for batch in batches for row in _rows(batch, shape, pad)]
        ids, positions, targets = zip(*laid, strict=True)
        # One tensor each, made at once: row by row it would take longer than a small model's pass.
        return cls(*(torch.tensor(values, device=device) for values in (ids, positions, targets)))


def _trimmed(shape: Shape, batch: Sequence[Tokens]) -> Shape:
    longest = max((len(row.prompt) + len(row.completion) for row in batch), default=shape.length)
    return dataclasses.replace(shape, length=min(shape.length, -(-longest // _STEP) * _STEP))


def _rows(batch: Sequence[Tokens], shape: Shape, pad: int) -> Iterator[tuple[list[int], list[int], list[int]]]:
    """Yields ids, positions and targets of a slot's rows, dummy ones at the end."""
    begin = len(shape.prefix)
    for row in batch:
        where = predicted(row.prompt, row.completion)
        left = shape.completion - len(where)
        yield (
            [*row.prompt, *row.completion, *[pad] * (shape.length - len(row.prompt) - len(row.completion))],
            [*where, *[begin] * left],
            [*row.completion[len(row.completion) - len(where) :], *[IGNORED] * left],
        )
    for _ in range(shape.rows - len(batch)):
        yield [pad] * shape.length, [begin] * shape.completion, [IGNORED] * shape.completion
