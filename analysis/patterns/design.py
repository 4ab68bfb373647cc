"""What was tried together with what, as the columns of an additive model.

A factor with levels has a column for each but the first; sampled numbers have Legendre polynomials, which follow a bent
curve without throwing away where in its range a value lies.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.polynomial import legendre

from analysis.numeric import is_number
from analysis.patterns.split import Floats, Split, scaled

NOTHING = 1e-8
"""Singular values below this share of the largest are taken for 0."""


@dataclass(frozen=True)
class Part:
    """What a factor is in a block: its columns for each configuration (`own`), and at each of its levels (`base`)."""

    factor: int
    own: Floats
    base: Floats


@dataclass(frozen=True)
class Block:
    """The columns of one factor, or of two together: the products of their parts'."""

    parts: tuple[Part, ...]

    @property
    def of(self) -> tuple[int, ...]:
        """The indices of its factors."""
        return tuple(part.factor for part in self.parts)

    @property
    def columns(self) -> Floats:
        """A row per configuration."""
        return reduce(together, (part.own for part in self.parts))

    def at(self, levels: Mapping[int, int]) -> Floats:
        """Returns the columns, averaged over all configurations, with some factors held at a level each."""
        held = (
            np.broadcast_to(part.base[levels[part.factor]], part.own.shape) if part.factor in levels else part.own
            for part in self.parts
        )
        return np.asarray(reduce(together, held).mean(axis=0))


@dataclass(frozen=True)
class Design:
    """An additive model, perhaps with interactions: a block per factor of `splits`, in their order, then the others."""

    splits: tuple[Split, ...]
    blocks: tuple[Block, ...]

    @property
    def matrix(self) -> Floats:
        """All columns, that of the intercept first."""
        count = len(self.splits[0].at)
        return np.hstack([np.ones((count, 1)), *(block.columns for block in self.blocks)])

    def rows(self, levels: Mapping[int, int]) -> Floats:
        """Returns the columns that all configurations have on average when some factors are held at a level each."""
        return np.concatenate([np.ones(1), *(block.at(levels) for block in self.blocks)])

    def joint(self, one: int, other: int) -> Block:
        """Returns what two factors do together: anything, or for sampled numbers what a bent curve can."""
        return Block((self._for_two(one), self._for_two(other)))

    def straight(self, one: int, other: int) -> Block | None:
        """Returns one column: a slope along one number that changes evenly with another; None for what is no number."""
        parts = [_slope(at, self.splits[at]) for at in (one, other)]
        return Block((parts[0], parts[1])) if parts[0] is not None and parts[1] is not None else None

    def with_block(self, block: Block) -> Design:
        """Returns the model with an interaction besides."""
        return Design(self.splits, (*self.blocks, block))

    def _for_two(self, factor: int) -> Part:
        part = self.blocks[factor].parts[0]
        if self.splits[factor].scaled is None:
            return part
        return Part(factor, part.own[:, :_FOR_TWO], part.base[:, :_FOR_TWO])


_FOR_TWO = 2
"""Degree to which a sampled number's curve may change with another factor."""


def design(splits: Sequence[Split]) -> Design:
    """Returns the additive model of factors."""
    return Design(tuple(splits), tuple(Block((_part(at, split),)) for at, split in enumerate(splits)))


def _part(at: int, split: Split) -> Part:
    own = _columns(split)
    return Part(at, own, _base(split, own))


def _slope(at: int, split: Split) -> Part | None:
    """Returns a number's place between its lowest (-1) and highest value (1); None for what is no number."""
    if split.scaled is not None:
        own = split.scaled[:, None]
    elif all(map(is_number, split.values)):
        own = scaled(np.asarray(split.values, dtype=float))[split.at][:, None]
    else:
        return None
    return Part(at, own, _base(split, own))


def together(one: Floats, other: Floats) -> Floats:
    """Returns the products of every column of one with every column of the other."""
    return (one[:, :, None] * other[:, None, :]).reshape(len(one), -1)


def _columns(split: Split) -> Floats:
    if split.scaled is None:
        return np.eye(len(split.values))[split.at][:, 1:]
    degree = 2 if len(split.at) < 20 else 3 if len(split.at) < 40 else 4
    return np.asarray(legendre.legvander(split.scaled, degree)[:, 1:], dtype=float)


def _base(split: Split, columns: Floats) -> Floats:
    return np.array([columns[split.at == level].mean(axis=0) for level in range(len(split.values))])


def nothing(matrix: Floats) -> Floats:
    """Returns what the columns cannot tell apart: an orthonormal basis of the null space, a column each."""
    _, sizes, rows = np.linalg.svd(np.linalg.qr(matrix, mode="r"), full_matrices=True)
    rank = int((sizes > NOTHING * sizes.max(initial=1.0)).sum())
    return np.asarray(rows[rank:].T)


def is_full_grid(splits: Sequence[Split]) -> bool:
    """True where every combination of levels was tried, and equally often."""
    if any(split.scaled is not None for split in splits):
        return False
    cells = np.ravel_multi_index([split.at for split in splits], [len(split.values) for split in splits])
    combinations = int(np.prod([len(split.values) for split in splits]))
    if combinations > len(cells):
        return False
    counts = np.bincount(cells, minlength=combinations)
    return bool((counts == counts[0]).all())
