"""Which of several means differ, when the pair that differs most is looked at: the studentised range.

Tukey (1953), for means of unequal precision Kramer (1956); conservative there (Hayter, 1984).
"""

from __future__ import annotations

from functools import lru_cache

from scipy import special

LEVEL = 0.05


def apart(t: float, means: int, df: int) -> bool:
    """True where a difference is more than chance makes of the largest among several.

    Args:
        t: The difference in units of its standard error.
        means: How many there are.
        df: Degrees of freedom of the error.
    """
    pairs = means * (means - 1) / 2
    if abs(t) <= special.stdtrit(df, 1 - LEVEL / 2):
        return False
    # Bonferroni is surer still and quick; the range's own quantile is an integral of an integral.
    return bool(abs(t) > special.stdtrit(df, 1 - LEVEL / 2 / pairs) or abs(t) > _critical(means, df))


@lru_cache(maxsize=256)
def _critical(means: int, df: int) -> float:
    from scipy import stats

    return float(stats.studentized_range.ppf(1 - LEVEL, means, df)) / 2**0.5
