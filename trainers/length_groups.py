"""Training rows in groups of like length: `training.train_sampling_strategy=group_by_length`.

The groups are transformers' (`get_length_grouped_indices`); its sampler draws them from the process's own random state,
which dropout moves and which an interruption finds elsewhere. Ours draws those of epoch e with seed + e, as the rows
of `random` are drawn (accelerate's SeedableRandomSampler): so a trial's order is its own, wherever it goes on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from transformers.trainer_pt_utils import get_length_grouped_indices

from trainers.trial import Training

NAME = "group_by_length"


def is_grouped(training: Training) -> bool:
    """True where a trial's rows come in such groups."""
    return training.train_sampling_strategy == NAME


def order(lengths: Sequence[int], size: int, seed: int) -> list[int]:
    """Returns an epoch's rows: every `size` of them in turn are about equally long, the longest among the first.

    Args:
        lengths: Tokens of each row.
        size: Rows of an optimizer step.
        seed: The trial's, and the epoch's number added.
    """
    generator = torch.Generator().manual_seed(seed)
    found: list[int] = get_length_grouped_indices(lengths, size, generator=generator)
    return found


class Sampler(torch.utils.data.Sampler[int]):  # type: ignore[misc]
    """Gives out the rows of one epoch after the other; transformers' Trainer says which it is."""

    def __init__(self, lengths: Sequence[int], size: int, seed: int) -> None:
        self._lengths, self._size, self._seed, self._epoch = lengths, size, seed, 0

    def set_epoch(self, epoch: int) -> None:
        """Goes to an epoch, counted from 0."""
        self._epoch = epoch

    def __iter__(self) -> Iterator[int]:
        return iter(order(self._lengths, self._size, self._seed + self._epoch))

    def __len__(self) -> int:
        return len(self._lengths)
