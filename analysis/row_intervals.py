"""How far a number of one test lies from what more rows of the same kind would show: 95 % intervals from counts."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

_Z = 1.959963984540054  # the standard normal distribution's 97.5 % quantile

_DRAWS, _SEED = 2000, 0
FEWEST = 30
"""Rows (ours): of fewer, resampling says little about an F1 score."""
FEWEST_OF_A_LABEL = 5
"""Rows of each label (ours): resampling hardly varies a score that hangs on fewer. Where the rarest label of 30 to 400
rows had four, simulated intervals held the true score as few as 70 times of 100; with five and more, about 92 times."""


def of_share(share: float, rows: int) -> tuple[float, float]:
    """Returns Wilson's interval of a share of rows that was observed.

    Wilson 1927, "Probable Inference, the Law of Succession, and Statistical Inference"; preferred to the usual
    p ± 1.96 sqrt(p (1 - p) / n) by Brown, Cai, DasGupta 2001, "Interval Estimation for a Binomial Proportion". A mean
    of shares over adapters on the same rows varies less with the rows than one share does: for it, it is wide enough.

    Args:
        share: From 0 to 1.
        rows: How many.
    """
    square = _Z**2 / rows
    middle = (share + square / 2) / (1 + square)
    half = _Z * math.sqrt(share * (1 - share) / rows + square / (4 * rows)) / (1 + square)
    return max(0.0, middle - half), min(1.0, middle + half)


def of_macro_f1(counts: Sequence[tuple[int, int, int]], value: float) -> tuple[float, float] | None:
    """Returns the percentile interval of the macro-averaged F1 score, from resampled rows.

    A score of this kind depends on the rows through the confusion matrix alone, so drawing its cells from a multinomial
    distribution is the bootstrap over rows (Efron and Tibshirani 1993, "An Introduction to the Bootstrap", chapter 13).
    The seed is fixed: the same counts give the same interval.

    Args:
        counts: True label, predicted label, rows.
        value: The score that was measured: an interval of another score is none of it.

    Returns:
        The interval; None for few rows, in all or of a label, and where these counts are not those of the value.
    """
    rows = sum(count for _, _, count in counts)
    cells = np.array([count for _, _, count in counts], dtype=float)
    if (
        rows < FEWEST
        or _fewest(counts) < FEWEST_OF_A_LABEL
        or abs(float(_macro_f1(counts, cells[None])[0]) - value) > 1e-6
    ):
        return None
    drawn = np.random.default_rng(_SEED).multinomial(rows, cells / rows, size=_DRAWS)
    low, high = np.quantile(_macro_f1(counts, drawn), [0.025, 0.975])
    return float(low), float(high)


def _fewest(counts: Sequence[tuple[int, int, int]]) -> int:
    """Returns the rows of the label that has the fewest, of those that are true or predicted of a row."""
    of_labels = {label: 0 for truth, found, _ in counts for label in (truth, found)}
    for truth, _, rows in counts:
        of_labels[truth] += rows
    return min(of_labels.values())


def _macro_f1(counts: Sequence[tuple[int, int, int]], cells: np.ndarray) -> np.ndarray:
    """Returns the mean F1 score of the labels that occur, of every row of cells."""
    labels = sorted({label for truth, found, _ in counts for label in (truth, found)})
    scores = np.zeros((len(labels), len(cells)))
    occurs = np.zeros_like(scores)
    for index, label in enumerate(labels):
        true, found = (np.array([cell[side] == label for cell in counts]) for side in (0, 1))
        both = cells[:, true].sum(1) + cells[:, found].sum(1)
        occurs[index] = both > 0
        scores[index] = 2 * cells[:, true & found].sum(1) / np.maximum(both, 1)
    return np.asarray(scores.sum(0) / occurs.sum(0))
