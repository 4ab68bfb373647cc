"""What trials of one configuration differ by: the error that is known to be chance.

Seeds are blocks (a randomized block design; Scheffé, The Analysis of Variance, 1959, chapter 4): a data order that is
kind to one configuration is kind to all.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from analysis.configuration import SEED, Configuration
from analysis.patterns.split import Floats

SURE = 0.05
"""Significance (F test) from which seeds are said to do something to all configurations alike."""

MOST_SEEDS = 50
"""Seeds up to which that is looked at: more are no blocks."""

Group = dict[int, float]


@dataclass(frozen=True)
class SeedError:
    """Values, and what is known of chance from seeds.

    Attributes:
        values: Of each configuration, the mean over its trials.
        squares: The sum of squares within configurations, and its degrees of freedom `df`.
        counts: The trials of each configuration.
        crossed: Every configuration ran with the same seeds, and what all trials of a seed share is taken out of
            `squares`: it cancels where configurations are compared.
        kept: The seeds that all configurations share, where values are of those alone.
    """

    values: Floats
    squares: float
    df: int
    counts: Floats
    crossed: bool = False
    kept: tuple[int, ...] = ()


def seed_error(configurations: Sequence[Configuration], metric: str) -> SeedError:
    """Returns the values of configurations and the error within them.

    Where seeds do something to all alike and some configurations ran with more of them than others, the others' values
    cannot be compared with theirs but for the seeds that all share.
    """
    groups = [_finite(configuration, metric) for configuration in configurations]
    common = set(groups[0]).intersection(*groups)
    if common and any(len(group) > len(common) for group in groups) and _seeds_matter(groups):
        groups = [{seed: group[seed] for seed in common} for group in groups]
        return _error(groups, tuple(sorted(common)))
    return _error(groups, ())


def _error(groups: Sequence[Group], kept: tuple[int, ...]) -> SeedError:
    values = np.array([np.mean(list(group.values())) for group in groups])
    counts, seeds = np.array([len(group) for group in groups], dtype=float), set(groups[0])
    if len(seeds) > 1 and len(groups) > 1 and all(set(group) == seeds for group in groups):
        table = np.array([[group[seed] for seed in sorted(seeds)] for group in groups])
        left = table - table.mean(axis=1, keepdims=True) - table.mean(axis=0) + table.mean()
        return SeedError(values, float((left**2).sum()), (len(groups) - 1) * (len(seeds) - 1), counts, True, kept)
    squares = sum(float(np.var(list(group.values()))) * len(group) for group in groups)
    return SeedError(values, squares, int(counts.sum()) - len(groups), counts, kept=kept)


def _seeds_matter(groups: Sequence[Group]) -> bool:
    """True where seeds explain more of what trials of one configuration differ by than chance does."""
    seeds = sorted({seed for group in groups for seed in group})
    if len(seeds) > MOST_SEEDS:
        return False
    own = [(at, seeds.index(seed), value) for at, group in enumerate(groups) for seed, value in group.items()]
    rows, columns, values = (np.array(part) for part in zip(*own, strict=True))
    centred = np.hstack([np.eye(len(seeds))[columns], values[:, None].astype(float)])
    counts = np.bincount(rows)
    means = np.array([np.bincount(rows, column) for column in centred.T]).T / counts[:, None]
    centred -= means[rows]
    blocks, within = centred[:, :-1], centred[:, -1]
    effects, _, rank, _ = np.linalg.lstsq(blocks, within, rcond=1e-10)
    left, df = float(((within - blocks @ effects) ** 2).sum()), len(own) - len(groups) - int(rank)
    if df <= 0 or not rank:
        return False
    explained = float((within**2).sum()) - left
    return left <= 0 < explained or float(special.fdtrc(rank, df, max(explained / rank / (left / df), 0.0))) < SURE


def _finite(configuration: Configuration, metric: str) -> Group:
    """Returns the values by seed; one of a seed that is not known, or came before, counts as a seed of its own."""
    found: Group = {}
    for trial in configuration.trials:
        seed, value = trial.params.get(SEED), trial.metrics.get(metric, math.nan)
        if math.isfinite(value):
            found[seed if isinstance(seed, int) and seed not in found else -1 - trial.number] = value
    return found
