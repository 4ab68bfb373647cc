"""How far a trial's value lies from its configuration's by chance, and how much of that its seed does to all alike.

The model: value = configuration + seed + rest, seeds and rests being drawn at random. What is left within
configurations holds both; what is left beside configurations and seeds holds the rest alone (a randomized block design;
Scheffé, The Analysis of Variance, 1959, chapter 8).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

Array = np.ndarray[Any, np.dtype[np.float64]]

_DOUBT = 0.25
"""How often the share of the variance that seeds cause is underestimated.

With it intervals cover 94-97 % for 2 to 30 configurations of 2 or 3 seeds, whatever seeds have in common; with 0.5 they
cover 90 % where two seeds do most of it, with 0.1 99 % where they do nothing (`benchmarks.report_ranking`).
"""
_ROUNDING = 1e-12  # of the values: what floating point leaves where nothing differs


@dataclass(frozen=True)
class SeedModel:
    """Variances of one trial.

    Attributes:
        within: Over seeds: the seeds' common effect and the rest.
        df: Its effective degrees of freedom: where seeds do the same to all configurations, many of them tell no more
            of a seed's effect than one does.
        paired: The rest alone, which is what differences between configurations of the same seeds are subject to.
        paired_df: Its degrees of freedom.
        is_paired: Whether the rest could be told from the seeds' effect.
    """

    within: float
    df: float
    paired: float
    paired_df: float
    is_paired: bool = False


def centred(table: Array) -> Array:
    """Returns a table without its rows' means, 0 where nothing was measured."""
    known = ~np.isnan(table)
    means = np.nansum(table, axis=1) / np.maximum(known.sum(axis=1), 1)
    return np.where(known, np.nan_to_num(table) - means[:, None], 0.0)


def counts(table: Array) -> Array:
    """Returns how many values each row has."""
    return np.asarray((~np.isnan(table)).sum(axis=1), dtype=float)


def seed_model(table: Array) -> SeedModel | None:
    """Fits the model.

    Args:
        table: A row per configuration, a column per seed, NaN where there is none.

    Returns:
        None where no configuration has two seeds, or no two seeds differ in anything.
    """
    within_df = float((counts(table) - 1).clip(min=0).sum())
    within = float((centred(table) ** 2).sum()) / max(within_df, 1.0)
    if not within_df or within <= (_ROUNDING * float(np.nanmax(np.abs(table)))) ** 2:
        return None
    rest, rest_df = residuals(table)
    if not rest_df:
        return SeedModel(within, within_df, within, within_df)
    paired = float((rest**2).sum()) / rest_df
    common = _common(within * within_df, within_df, paired, rest_df)
    return SeedModel(within, _effective_df(table, common), paired, rest_df, is_paired=True)


def _common(squares: float, within_df: float, paired: float, rest_df: float) -> float:
    """Returns the share of the variance within configurations that seeds cause in all alike, rather too large.

    With few seeds the estimate is often far too small, which would make intervals far too narrow: a ratio of variances
    is divided by what it falls short of once in `_DOUBT` by chance.
    """
    seeds_df = within_df - rest_df
    ratio = (squares - paired * rest_df) / seeds_df / paired / float(special.fdtri(seeds_df, rest_df, _DOUBT))
    excess = max(0.0, ratio - 1) * seeds_df / within_df
    return excess / (1 + excess)


def _effective_df(table: Array, common: float) -> float:
    """Returns the degrees of freedom of the pooled variance within configurations that share seeds (Satterthwaite).

    N² / (Σ (nᵢ - 1) + Σ (nᵢⱼ - 1) c²), N = Σ (nᵢ - 1), over the pairs i ≠ j that share nᵢⱼ seeds, c being the share of
    the variance that a seed does to all alike: sample variances of correlation c are themselves correlated by c².
    """
    known = (~np.isnan(table)).astype(float)
    shared = (known @ known.T - 1).clip(min=0)
    within = float(np.trace(shared))
    return within**2 / (within + (float(shared.sum()) - within) * common**2)


def residuals(table: Array) -> tuple[Array, float]:
    """Returns what configurations and seeds leave over, by least squares, and its degrees of freedom.

    Args:
        table: A row per configuration, a column per seed, NaN where there is none.

    Returns:
        As many rows and columns, 0 where nothing was measured; 0 degrees of freedom where nothing is left over.
    """
    known = _core(~np.isnan(table))
    if not known.any():
        return np.zeros_like(table), 0.0
    rows = centred(np.where(known, table, np.nan))
    # The configurations' means are eliminated, which leaves one equation per seed.
    weight = known / np.maximum(known.sum(axis=1), 1)[:, None]
    equations = np.diag(known.sum(axis=0).astype(float)) - known.T.astype(float) @ weight
    effects, _, rank, _ = np.linalg.lstsq(equations, rows.sum(axis=0), rcond=1e-10)
    fitted = np.where(known, effects[None, :] - (weight @ effects)[:, None], 0.0)
    return np.where(known, rows - fitted, 0.0), float(known.sum() - known.any(axis=1).sum() - int(rank))


def _core(known: np.ndarray[Any, np.dtype[np.bool_]]) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Leaves out what the model fits exactly: seeds of one configuration, configurations of one seed, and so on."""
    while True:
        enough = (known.sum(axis=1) > 1)[:, None] & (known.sum(axis=0) > 1)[None, :]
        if not (known & ~enough).any():
            return known
        known = known & enough
