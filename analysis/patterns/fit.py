"""Least squares, and the error that its intervals are made of.

Error: with one trial per configuration, what the model leaves over. With seeds, what it leaves over and what trials of
one configuration differ by are pooled, unless the first is larger than the second explains (F test for lack of fit):
then the model is too simple, and what it leaves over is used alone, since it holds the factors' joint effects as well
as chance. On a full grid the means are averages of the same others at every level whatever the joint effects, so that
chance alone is right there. (Montgomery, Design and Analysis of Experiments, ch. 10.8: pure error and lack of fit.)
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import special

from analysis.patterns.design import NOTHING, Design, is_full_grid
from analysis.patterns.seed_error import SeedError
from analysis.patterns.split import Floats

LACK = 0.05
"""Significance from which on the model is too simple (the usual one)."""

EXACT = 1e-20
"""Share of the sum of squares below which nothing is left over: a table without chance, and nothing to test with."""


@dataclass(frozen=True)
class Fit:
    """A fitted model.

    Attributes:
        design: With its columns.
        values: Of each configuration.
        weights: The trials of each configuration, where they make its value the surer.
        beta: Coefficients; the shortest of the vectors that fit where not all can be told.
        spread: Their covariance in units of `variance`.
        left: Sum of squares that the model leaves over, and its degrees of freedom `left_df`.
        variance: Of one trial; None where nothing tells it.
        df: Its degrees of freedom.
        error: In a word, what `variance` is made of: `left`, `seeds`, `both` or `none`.
    """

    design: Design
    values: Floats
    weights: Floats
    beta: Floats
    spread: Floats
    left: float
    left_df: int
    variance: float | None
    df: int
    error: str

    def mean(self, row: Floats) -> float:
        """Returns what the model has at a row of columns."""
        return float(row @ self.beta)

    def half(self, row: Floats) -> float | None:
        """Returns half the width of the 95 % interval of `mean`; None where nothing tells it."""
        if self.variance is None:
            return None
        return t_quantile(0.975, self.df) * self._error(row)

    def t(self, row: Floats) -> float:
        """Returns `mean` in units of its standard error; infinite where there is none."""
        error = self._error(row)
        return self.mean(row) / error if error else math.inf

    def _error(self, row: Floats) -> float:
        return math.sqrt(max(float(row @ self.spread @ row), 0.0) * (self.variance or 0.0))

    def test(self, rows: Floats) -> tuple[float, float | None]:
        """Returns the sum of squares that rows of contrasts explain, and the p of the F test that all are 0."""
        around = rows @ self.spread @ rows.T
        inverse = np.linalg.pinv(around, rcond=NOTHING, hermitian=True)
        squares, rank = (
            float((rows @ self.beta) @ inverse @ (rows @ self.beta)),
            int(np.linalg.matrix_rank(around, hermitian=True)),
        )
        if self.variance is None or rank == 0:
            return squares, None
        return squares, f_tail(squares / rank / self.variance, rank, self.df)


def fit(model: Design, values: Floats, seeds: SeedError) -> Fit:
    """Fits a model.

    Args:
        model: Its columns.
        values: Of each configuration, the mean over its trials.
        seeds: What is known of chance.
    """
    found = _fitted(model, values, seeds, seeds.counts)
    even = bool((seeds.counts == seeds.counts[0]).all())
    if found.error == "left" and not even:
        # Where the factors' joint effects are larger than chance, more seeds make a configuration hardly the surer.
        return _fitted(model, values, seeds, np.ones(len(values)))
    return found


def _fitted(model: Design, values: Floats, seeds: SeedError, weights: Floats) -> Fit:
    matrix, root = model.matrix, np.sqrt(weights)
    inverse = np.linalg.pinv(matrix * root[:, None], rcond=NOTHING)
    beta = inverse @ (values * root)
    rank = int(np.linalg.matrix_rank(matrix))
    left = float((weights * (values - matrix @ beta) ** 2).sum())
    variance, df, error = _error(left, len(values) - rank, seeds, model)
    if variance is not None and variance <= EXACT * float((weights * values**2).sum()):
        variance, df, error = None, 0, "none"
    return Fit(model, values, weights, beta, inverse @ inverse.T, left, len(values) - rank, variance, df, error)


def _error(left: float, left_df: int, seeds: SeedError, model: Design) -> tuple[float | None, int, str]:
    """Returns the variance of one trial, its degrees of freedom, and what it is made of."""
    if not seeds.df:
        return (left / left_df, left_df, "left") if left_df else (None, 0, "none")
    pure = seeds.squares / seeds.df
    if not left_df:
        return pure, seeds.df, "seeds"
    if pure == 0 or f_tail(left / left_df / pure, left_df, seeds.df) < LACK:
        even = bool((seeds.counts == seeds.counts[0]).all())
        return (pure, seeds.df, "seeds") if even and is_full_grid(model.splits) else (left / left_df, left_df, "left")
    return (left + seeds.squares) / (left_df + seeds.df), left_df + seeds.df, "both"


def f_tail(value: float, above: int, below: int) -> float:
    """Returns how often an F variable is larger."""
    return float(special.fdtrc(above, below, max(value, 0.0)))


def t_quantile(share: float, df: int) -> float:
    """Returns the quantile of Student's t."""
    return float(special.stdtrit(df, share))
