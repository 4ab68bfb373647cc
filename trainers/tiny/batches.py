"""Batches of items of similar length, so that little is padded."""

from __future__ import annotations

import random
from collections.abc import Sequence

import torch

from trainers.tiny.items import Item
from trainers.tiny.tokenizer import PAD

SIZE = 8
"""Items. With 16 the build is two seconds shorter and the score 0.53."""

STRETCH = 16
"""Batches that are sorted by length together; the more, the less padding and the less chance in the order."""


def batches(items: Sequence[Item], rng: random.Random) -> list[list[Item]]:
    """Returns all items once, in random order, SIZE at a time."""
    shuffled = [*items]
    rng.shuffle(shuffled)
    return [
        batch
        for start in range(0, len(shuffled), SIZE * STRETCH)
        for batch in _stretch(shuffled[start : start + SIZE * STRETCH], rng)
    ]


def _stretch(items: list[Item], rng: random.Random) -> list[list[Item]]:
    by_length = sorted(items, key=lambda item: len(item.ids))
    cut = [by_length[start : start + SIZE] for start in range(0, len(by_length), SIZE)]
    rng.shuffle(cut)
    return cut


def padded(batch: Sequence[Item]) -> torch.Tensor:
    """Returns the ids of shape (batch, sequence), padded on the right, where a causal model cannot see it."""
    longest = max(len(item.ids) for item in batch)
    return torch.tensor([item.ids + [PAD] * (longest - len(item.ids)) for item in batch])
