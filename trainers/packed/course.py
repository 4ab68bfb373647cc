"""Which rows a trial sees at which update, as transformers' Trainer deals them out."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import torch

from trainers import length_groups


@dataclass(frozen=True)
class Course:
    """A trial's way through its rows: a pure function of the update's number, so that it can be joined anywhere.

    The rows of epoch e are permuted by a generator seeded with seed + e (accelerate's SeedableRandomSampler), cut into
    micro-batches, of which the last may be short, and `accumulation` of them make an update, at an epoch's end perhaps
    fewer. With `lengths`, one per row, those of an update are about equally long (`trainers.length_groups`).
    """

    rows: int
    batch: int
    accumulation: int
    seed: int
    lengths: tuple[int, ...] | None = None

    @property
    def updates_per_epoch(self) -> int:
        """The optimizer steps of an epoch."""
        return max(1, math.ceil(math.ceil(self.rows / self.batch) / self.accumulation))

    def steps(self, max_steps: int, epochs: float) -> int:
        """Returns the optimizer steps of a run, `max_steps` of them where that is above 0."""
        return max_steps if max_steps > 0 else math.ceil(epochs * self.updates_per_epoch)

    def update(self, number: int) -> list[list[int]]:
        """Returns the micro-batches of an update, counted from 0, as indices of rows."""
        epoch, within = divmod(number, self.updates_per_epoch)
        order = self._order(self.seed + epoch)
        begin = within * self.accumulation * self.batch
        taken = order[begin : begin + self.accumulation * self.batch]
        return [taken[at : at + self.batch] for at in range(0, len(taken), self.batch)]

    def _order(self, seed: int) -> list[int]:
        if self.lengths is None:
            return _permuted(self.rows, seed)
        return _grouped(self.lengths, self.batch * self.accumulation, seed)


@functools.lru_cache(maxsize=256)
def _permuted(rows: int, seed: int) -> list[int]:
    generator = torch.Generator().manual_seed(seed)
    order: list[int] = torch.randperm(rows, generator=generator).tolist()
    return order


_grouped = functools.lru_cache(maxsize=256)(length_groups.order)
