"""What the slots compute in a pass, as tensors of the pack's shape."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from trainers.packed.layout import STEP, Line, Pass
from trainers.packed.shape import Shape, predicted
from trainers.tokens import IGNORED

_NOBODY = -1  # the row of a token that only fills up


@dataclass(frozen=True)
class Batch:
    """Lines of slots in order, filled up on the right; dummy tokens predict nothing.

    Attributes:
        ids: (slots * lines, length), without the prefix.
        owners: The same shape: which row of its line a token belongs to.
        positions: The same shape: where in its row a token stands, the prefix counted.
        predicting: (slots, rows * completion): where in its slot's lines * length tokens a completion's token is
            predicted, 0 beyond a completion's end.
        targets: The same shape: what is predicted there, IGNORED beyond a completion's end and where it does not count.
        weights: The same shape: what that counts; None where everything counts 1.
    """

    ids: torch.Tensor
    owners: torch.Tensor
    positions: torch.Tensor
    predicting: torch.Tensor
    targets: torch.Tensor
    weights: torch.Tensor | None = None

    @classmethod
    def of(cls, passes: Sequence[Pass], shape: Shape, pad: int, device: torch.device) -> Batch:
        """Lays out a pass per slot.

        A pack of one slot has no neighbours: its passes are as large as the rows that are in them, and no larger.
        """
        shape = _trimmed(shape, passes[0]) if shape.slots == 1 else shape
        lines = [line for lay in passes for line in [*lay, *[[]] * (shape.lines - len(lay))]]
        tokens = [_tokens(line, shape, pad) for line in lines]
        answers = [_answers(lay, shape) for lay in passes]
        # One tensor each, made at once: row by row it would take longer than a small model's pass.
        made = [*zip(*tokens, strict=True), *zip(*answers, strict=True)]
        batch = cls(*(torch.tensor(values, device=device) for values in made))
        if all(row.weight == 1 for lay in passes for line in lay for row in line):
            return batch
        weights = torch.tensor([_weights(lay, shape) for lay in passes], device=device)
        return dataclasses.replace(batch, weights=weights)

    def sees(self, begin: int) -> torch.Tensor:
        """Returns (slots * lines, 1, length, begin + length), True where a token may look: the prefix, its row so far.

        Args:
            begin: Tokens of the prefix.
        """
        length = self.ids.shape[1]
        causal = torch.ones(length, length, dtype=torch.bool, device=self.ids.device).tril()
        own = (self.owners[:, :, None] == self.owners[:, None, :]) & causal
        prefix = torch.ones(*self.ids.shape, begin, dtype=torch.bool, device=self.ids.device)
        return torch.cat([prefix, own], 2)[:, None]


def _trimmed(shape: Shape, lay: Pass) -> Shape:
    begin = len(shape.prefix)
    filled = [sum(len(row.prompt) + len(row.completion) - begin for row in line) for line in lay]
    longest = -(-max(filled, default=shape.length) // STEP) * STEP
    return dataclasses.replace(shape, lines=len(lay) or 1, length=min(shape.length, longest))


def _tokens(line: Line, shape: Shape, pad: int) -> tuple[list[int], list[int], list[int]]:
    """Returns a line's ids, owners and positions."""
    begin = len(shape.prefix)
    ids: list[int] = []
    owners: list[int] = []
    positions: list[int] = []
    for owner, row in enumerate(line):
        whole = (*row.prompt, *row.completion)
        ids += whole[begin:]
        owners += [owner] * (len(whole) - begin)
        positions += range(begin, len(whole))
    left = shape.length - len(ids)
    return [*ids, *[pad] * left], [*owners, *[_NOBODY] * left], [*positions, *range(begin, begin + left)]


def _answers(lay: Pass, shape: Shape) -> tuple[list[int], list[int]]:
    """Returns where a slot's completions are predicted, and what they are."""
    begin, predicting, targets = len(shape.prefix), list[int](), list[int]()
    for at, line in enumerate(lay):
        start = at * shape.length
        for row in line:
            where = predicted(row.prompt, row.completion)
            left = shape.completion - len(where)
            predicting += [*(start + place - begin for place in where), *[0] * left]
            targets += [*row.targets[len(row.completion) - len(where) :], *[IGNORED] * left]
            start += len(row.prompt) + len(row.completion) - begin
    left = shape.rows * shape.completion - len(targets)
    return [*predicting, *[0] * left], [*targets, *[IGNORED] * left]


def _weights(lay: Pass, shape: Shape) -> list[float]:
    """Returns what each of a slot's completion tokens counts."""
    weights = [row.weight for line in lay for row in line for _ in range(shape.completion)]
    return [*weights, *[1.0] * (shape.rows * shape.completion - len(weights))]
