"""Quantiles of the studentized range: how far the largest of k equal means lies above the smallest by chance.

scipy.stats.studentized_range.ppf integrates adaptively, a tenth of a second a quantile, and unbalanced sweeps need
dozens; importing scipy.stats takes longer than a whole ranking. Two Gauss-Legendre rules give four digits in some
milliseconds.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
from scipy import special

Array = np.ndarray[Any, np.dtype[np.float64]]

LEVEL = 0.96
"""How surely no difference of a whole family is due to chance: one in a hundred more than the 95 % that are claimed,
since setting rows aside that spread further makes the others' variance too small (`benchmarks.report_ranking`)."""
_INNER, _OUTER = 96, 64
_FARTHEST = 8.5  # standard deviations; beyond it lie 1e-17 of a normal distribution
_LARGEST_DF = 1e5
_FEW = 16


@functools.lru_cache(maxsize=1024)
def quantile(count: int, df: float, level: float = LEVEL) -> float:
    """Returns a quantile of the studentized range.

    The probability is the mean over s of k ∫ φ(z) (Φ(z) - Φ(z - q s))^(k-1) dz, s² being chi-squared over its degrees
    of freedom (Copenhaver and Holland, J. Statist. Comput. Simul. 30, 1988).

    Args:
        count: How many means, k; at least 2.
        df: Degrees of freedom of the standard deviation, at least 1.
        level: Which quantile.
    """
    nodes, weights = np.polynomial.legendre.leggauss(_OUTER)
    shares = (nodes + 1) / 2
    scales = np.ones(1) if df > _LARGEST_DF else np.sqrt(2 * special.gammaincinv(df / 2, shares) / df)
    weights = np.ones(1) if df > _LARGEST_DF else weights / 2
    low, high = 0.0, 8.0
    while _below(high, count, scales, weights) < level:
        low, high = high, 2 * high
    while high - low > 1e-5 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if _below(middle, count, scales, weights) < level else (low, middle)
    return high


def _below(q: float, count: int, scales: Array, weights: Array) -> float:
    """Returns the probability that the studentized range is below q."""
    z, dz, density = _normal()
    within = special.ndtr(z)[None, :] - special.ndtr(z[None, :] - q * scales[:, None])
    inner = (count * density * dz * within ** (count - 1)).sum(axis=1)
    return float((weights * inner).sum())


@functools.cache
def _normal() -> tuple[Array, Array, Array]:
    nodes, weights = np.polynomial.legendre.leggauss(_INNER)
    z = _FARTHEST * nodes
    return z, _FARTHEST * weights, np.exp(-z * z / 2) / math.sqrt(2 * math.pi)


def quantiles(count: int, df: Array) -> Array:
    """Returns the quantile for each of many degrees of freedom.

    Many different ones are interpolated between a few: in logarithms the quantile is convex, so that a chord lies above
    it and errs towards ties.
    """
    different = np.unique(np.round(df, 3))
    if len(different) > _FEW:
        different = np.geomspace(different[0], different[-1], _FEW)
    known = np.log([quantile(count, float(value)) for value in different])
    return np.asarray(np.exp(np.interp(np.log(df), np.log(different), known)))
