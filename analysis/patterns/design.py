"""What was tried together with what, as the columns of an additive model.

A factor with levels has a column for each but the first; sampled numbers have Legendre polynomials, which follow a bent
curve without throwing away where in its range a value lies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.polynomial import legendre

from analysis.patterns.split import Floats, Split

NOTHING = 1e-8
"""Singular values below this share of the largest are taken for 0."""


@dataclass(frozen=True)
class Block:
    """The columns of one factor, or of two together.

    Attributes:
        of: The indices of its factors.
        columns: A row per configuration.
    """

    of: tuple[int, ...]
    columns: Floats


@dataclass(frozen=True)
class Design:
    """An additive model, perhaps with interactions.

    Attributes:
        splits: The factors' levels.
        blocks: A block per factor, in their order, then those of interactions.
        bases: Of each factor, what its columns are at each of its levels.
    """

    splits: tuple[Split, ...]
    blocks: tuple[Block, ...]
    bases: tuple[Floats, ...]

    @property
    def matrix(self) -> Floats:
        """All columns, that of the intercept first."""
        count = len(self.splits[0].at)
        return np.hstack([np.ones((count, 1)), *(block.columns for block in self.blocks)])

    def rows(self, levels: dict[int, int]) -> Floats:
        """Returns the columns that all configurations have on average when some factors are held at a level each."""
        parts = [np.ones(1)]
        for block in self.blocks:
            columns = np.ones((len(self.splits[0].at), 1))
            for factor in block.of:
                own = self._own(factor, len(block.of))
                held = (
                    np.broadcast_to(self._base(factor, len(block.of))[levels[factor]], own.shape)
                    if factor in levels
                    else own
                )
                columns = together(columns, held)
            parts.append(columns.mean(axis=0))
        return np.concatenate(parts)

    def with_interaction(self, one: int, other: int) -> Design:
        """Returns the model with an interaction besides."""
        columns = together(self._own(one, 2), self._own(other, 2))
        return Design(self.splits, (*self.blocks, Block((one, other), columns)), self.bases)

    def _own(self, factor: int, among: int) -> Floats:
        columns = self.blocks[factor].columns
        return columns[:, :_FOR_TWO] if among > 1 and self.splits[factor].scaled is not None else columns

    def _base(self, factor: int, among: int) -> Floats:
        base = self.bases[factor]
        return base[:, :_FOR_TWO] if among > 1 and self.splits[factor].scaled is not None else base


_FOR_TWO = 2
"""Degree to which a sampled number's curve may change with another factor."""


def design(splits: Sequence[Split]) -> Design:
    """Returns the additive model of factors."""
    blocks = [Block((at,), _columns(split)) for at, split in enumerate(splits)]
    bases = [_base(split, block.columns) for split, block in zip(splits, blocks, strict=True)]
    return Design(tuple(splits), tuple(blocks), tuple(bases))


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
    _, sizes, rows = np.linalg.svd(matrix, full_matrices=True)
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
