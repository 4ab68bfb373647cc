"""Whether values scatter alike at every level of a factor, as every interval assumes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from analysis.patterns.factors import Factor
from analysis.patterns.fit import Fit
from analysis.patterns.pattern import Limit

SURE = 0.01
"""Significance, corrected for the factors (Bonferroni), of Brown and Forsythe's test (JASA, 1974)."""

FEWEST = 5
"""Configurations that a level needs to be looked at."""


def unequal_spread(fitted: Fit, factors: Sequence[Factor]) -> list[Limit]:
    """Says at which levels what the model leaves over is larger than at others."""
    if fitted.left_df < FEWEST:
        return []
    left = (fitted.values - fitted.design.matrix @ fitted.beta) * np.sqrt(fitted.weights)
    found = []
    for factor, split in zip(factors, fitted.design.splits, strict=True):
        groups = {words: left[split.at == at] for at, words in enumerate(split.words) if split.counts[at] >= FEWEST}
        if len(groups) > 1 and _p(list(groups.values())) * len(factors) < SURE:
            sizes = {words: float(np.std(group)) for words, group in groups.items()}
            wide, narrow = max(sizes, key=lambda word: sizes[word]), min(sizes, key=lambda word: sizes[word])
            ratio = sizes[wide] / max(sizes[narrow], 1e-300)
            sentence = (
                f"values scatter {ratio:.1f} times as widely at {factor.key}={wide} as at {narrow}; the intervals take "
                "the scatter for the same everywhere, and are too narrow at the one and too wide at the other"
            )
            found.append(Limit("unequal_spread", factor.key, sentence))
    return found


def _p(groups: Sequence[np.typing.NDArray[np.float64]]) -> float:
    from scipy import stats

    with np.errstate(
        invalid="ignore", divide="ignore"
    ):  # nothing scatters at all: not a number, which is below nothing
        return float(stats.levene(*groups, center="median").pvalue)
