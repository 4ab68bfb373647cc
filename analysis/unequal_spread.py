"""Configurations whose seeds spread clearly further than the others': a pooled variance would lie about both."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

from analysis.seed_model import Array, centred, counts, residuals

_LEVEL = 0.02
"""How often a sweep of equal spreads is found to have unequal ones, by each of the two tests."""
_FEWEST = 4
"""Configurations from which on residuals show whose spread is larger; of two they are equal by construction."""


def unequal(table: Array) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Finds rows that are to be judged by their own variance.

    The row of the largest variance is set aside for as long as it is clearly larger than that of the others together
    (an F test, times the number of rows; Cochran, Ann. Eugenics 11, 1941), by what lies within rows and by what seeds
    leave over. Where the rest then still differ (Bartlett, Proc. R. Soc. A 160, 1937), each is judged by its own.

    Args:
        table: A row per configuration, a column per seed, NaN where there is none.

    Returns:
        True for such rows, which have two values at least.
    """
    apart = np.zeros(len(table), dtype=bool)
    repeated = counts(table) > 1
    while (worst := _largest(table, repeated & ~apart)) is not None:
        apart[worst] = True
    left = repeated & ~apart
    return repeated if _differ(table[left]) else apart


def _largest(table: Array, rows: np.ndarray[Any, np.dtype[np.bool_]]) -> int | None:
    """Returns the row that spreads clearly furthest."""
    if rows.sum() < 2:
        return None
    within = (centred(table[rows]) ** 2).sum(axis=1)
    df = counts(table[rows]) - 1
    found = _clear(within, df)
    if found is None and rows.sum() >= _FEWEST:
        rest, rest_df = residuals(table[rows])
        found = _clear((rest**2).sum(axis=1), df * rest_df / df.sum())
    return None if found is None else int(np.flatnonzero(rows)[found])


def _clear(squares: Array, df: Array) -> int | None:
    if not (df > 0).all() or not squares.sum() > 0:
        return None
    worst = int(np.argmax(squares / df))
    others = float(squares.sum() - squares[worst]) / float(df.sum() - df[worst])
    ratio = float(squares[worst] / df[worst]) / others if others > 0 else np.inf
    p = float(special.fdtrc(df[worst], df.sum() - df[worst], ratio)) if np.isfinite(ratio) else 0.0
    return worst if len(df) * p < _LEVEL else None


def _differ(table: Array) -> bool:
    df = counts(table) - 1
    if len(table) < _FEWEST:
        return False
    variances = (centred(table) ** 2).sum(axis=1) / df
    if not (variances > 0).all():
        return False
    pooled = float((df * variances).sum() / df.sum())
    statistic = df.sum() * np.log(pooled) - (df * np.log(variances)).sum()
    correction = 1 + ((1 / df).sum() - 1 / df.sum()) / (3 * (len(df) - 1))
    return bool(special.chdtrc(len(df) - 1, statistic / correction) < _LEVEL / 2)
