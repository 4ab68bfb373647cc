"""What chance does to the means of configurations: their intervals, and which differences it explains."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from analysis.seed_model import Array, SeedModel, centred, counts, seed_model
from analysis.studentized_range import quantiles
from analysis.unequal_spread import unequal

_TWO_SIDED = 0.975


@dataclass(frozen=True, eq=False)
class Chance:
    """A sweep's configurations, in the order of the table it was made from.

    Attributes:
        model: Of the configurations that spread alike, or of all where none do.
        variance: Of each configuration's mean.
        df: Its degrees of freedom.
        pair_variance: Of each difference between two means, by their rows.
        pair_df: Its degrees of freedom.
        apart: The rows that are judged by their own spread.
    """

    model: SeedModel
    variance: Array
    df: Array
    pair_variance: Array
    pair_df: Array
    apart: tuple[int, ...] = ()

    @functools.cached_property
    def half_widths(self) -> Array:
        """Half the 95 % confidence interval of each mean (Student's t)."""
        return np.asarray(special.stdtrit(self.df, _TWO_SIDED) * np.sqrt(self.variance))

    def critical(self, row: int | slice = slice(None)) -> Array:
        """Returns the differences that chance exceeds between no pair at all, 95 % of the time (Tukey and Kramer).

        Games and Howell's where spreads differ: each pair with its own variance and degrees of freedom.

        Args:
            row: One row of the table of pairs; without it, all.
        """
        if len(self.df) < 2:
            return np.zeros_like(self.pair_df[row])
        factor = quantiles(len(self.df), self.pair_df[row]) / math.sqrt(2)
        return np.asarray(factor * np.sqrt(self.pair_variance[row]))


def chance(table: Array) -> Chance | None:
    """Estimates what chance does, from repeated seeds.

    Args:
        table: A row per configuration, a column per seed, NaN where there is none.

    Returns:
        None where seeds tell nothing: no configuration has two, or they change nothing.
    """
    apart = unequal(table)
    model = seed_model(table[~apart]) or seed_model(table)
    if model is None or len(table) == 0:
        return None
    number = counts(table)
    variance, df = np.full(len(table), model.within) / number, np.full(len(table), model.df)
    df[apart] = number[apart] - 1
    variance[apart] = (centred(table)[apart] ** 2).sum(axis=1) / df[apart] / number[apart]
    pair_variance, pair_df = _alike(table, model)
    for row in np.flatnonzero(apart):
        own = variance[row] + variance
        own_df = own**2 / (variance[row] ** 2 / df[row] + variance**2 / df)  # Welch and Satterthwaite
        pair_variance[row], pair_variance[:, row] = own, own
        pair_df[row], pair_df[:, row] = own_df, own_df
    return Chance(model, variance, df, pair_variance, pair_df, tuple(int(row) for row in np.flatnonzero(apart)))


def _alike(table: Array, model: SeedModel) -> tuple[Array, Array]:
    """Returns the variances of differences, and their degrees of freedom, where all spread alike.

    The seeds that two configurations share leave the rest alone in their difference; the others count in full. Both
    estimates are taken for perfectly correlated, which is never too many degrees of freedom.
    """
    known = (~np.isnan(table)).astype(float)
    share = 1 / known.sum(axis=1)
    common = (known @ known.T) * np.outer(share, share)
    alone = (share[:, None] + share[None, :] - 2 * common).clip(min=0) * model.within
    paired = 2 * common * model.paired
    total = alone + paired
    spread = alone / math.sqrt(model.df) + paired / math.sqrt(model.paired_df)
    return total, np.where(spread > 0, total**2 / np.where(spread > 0, spread**2, 1), model.paired_df)


def simultaneous(found: Chance, values: Sequence[float], one: int, other: int) -> tuple[float, float]:
    """Returns the interval of the difference `other - one`; those of all pairs hold together 95 % of the time."""
    size = float(found.critical(one)[other])
    difference = values[other] - values[one]
    return difference - size, difference + size
