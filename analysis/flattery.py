"""By how much the winner's mean is flattered: the best of many is partly lucky, which new seeds do not repeat."""

from __future__ import annotations

import math

import numpy as np

from analysis.chance import Chance
from analysis.ranking import Ranking
from analysis.seed_model import Array

FEWEST = 4
"""Configurations below which nothing is said of how their true means are distributed."""
_GRID, _ROUNDS = 100, 200


def expected_on_new_seeds(ranking: Ranking) -> float | None:
    """Returns the winner's mean as it would be on new seeds, no better than what was measured.

    Empirical Bayes: the distribution of the configurations' true means is estimated by its nonparametric maximum
    likelihood (Kiefer and Wolfowitz, Ann. Math. Statist. 27, 1956; by EM on a grid), which assumes no shape, since
    sweeps have long tails of bad configurations; the expectation is the winner's posterior mean (Robbins 1956; Efron,
    Tweedie's Formula and Selection Bias, JASA 106, 2011). What seeds do to all alike flatters nobody and is left out.

    Args:
        ranking: The ranking.

    Returns:
        None without repeated seeds, or for fewer than `FEWEST` configurations.
    """
    if ranking.chance is None or len(ranking.places) < FEWEST:
        return None
    values = np.array([place.value for place in ranking.places])
    expected = _posterior_means(values, _own_variances(ranking.chance))[0]
    worse = max(ranking.sign * float(expected), ranking.sign * float(values[0]))
    return ranking.sign * worse


def _own_variances(chance: Chance) -> Array:
    """Returns the variance of each mean beside what it has in common with the others: half a difference's."""
    own = np.array(chance.pair_variance)
    np.fill_diagonal(own, np.nan)
    variances = np.nanmedian(own, axis=1) / 2
    apart = list(chance.apart)
    variances[apart] = chance.variance[apart]
    return np.asarray(variances)


def _posterior_means(values: Array, variances: Array) -> Array:
    smallest = float(variances.min())
    if not smallest > 0:
        return values
    grid = np.linspace(values.min(), values.max(), _points(values, math.sqrt(smallest)))
    distance = (values[:, None] - grid[None, :]) ** 2 / variances[:, None]
    likelihood = np.exp(-(distance - distance.min(axis=1, keepdims=True)) / 2)
    weights = np.full(len(grid), 1 / len(grid))
    for _ in range(_ROUNDS):
        posterior = likelihood * weights
        posterior /= posterior.sum(axis=1, keepdims=True)
        weights = posterior.mean(axis=0)
    return np.asarray(posterior @ grid)


def _points(values: Array, sd: float) -> int:
    """Returns how many points are four to the smallest standard error, within bounds."""
    return int(np.clip(4 * (values.max() - values.min()) / sd, _GRID, 4 * _GRID))
