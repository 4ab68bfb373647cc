"""What trials of one configuration differ by: the error that is known to be chance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.configuration import SEED, Configuration
from analysis.patterns.split import Floats


@dataclass(frozen=True)
class SeedError:
    """The sum of squares within configurations, its degrees of freedom, and the trials of each configuration.

    `crossed`: every configuration ran with the same seeds, and what all trials of a seed share is taken out of it: a
    data order that is kind to one is kind to all, and cancels where configurations are compared.
    """

    squares: float
    df: int
    counts: Floats
    crossed: bool = False


def seed_error(configurations: Sequence[Configuration], metric: str) -> SeedError:
    """Returns the error within configurations."""
    groups = [_finite(configuration, metric) for configuration in configurations]
    counts = np.array([max(len(group), 1) for group in groups], dtype=float)
    seeds = set(groups[0])
    if len(seeds) > 1 and len(groups) > 1 and all(set(group) == seeds for group in groups):
        table = np.array([[group[seed] for seed in sorted(seeds)] for group in groups])
        left = table - table.mean(axis=1, keepdims=True) - table.mean(axis=0) + table.mean()
        return SeedError(float((left**2).sum()), (len(groups) - 1) * (len(seeds) - 1), counts, True)
    squares = sum(float(np.var(list(group.values()))) * len(group) for group in groups if group)
    return SeedError(squares, sum(len(group) - 1 for group in groups if group), counts)


def _finite(configuration: Configuration, metric: str) -> dict[int, float]:
    """Returns the values by seed, or by number where seeds are not known."""
    return {
        trial.params.get(SEED, -1 - at): trial.metrics[metric]
        for at, trial in enumerate(configuration.trials)
        if math.isfinite(trial.metrics.get(metric, math.nan))
    }
