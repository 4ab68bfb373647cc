"""What true and predicted labels say, as scikit-learn defines it; a share of nothing is 0 (its zero_division=0)."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

BINS = 15
"""Of confidence, equally wide (Guo et al. 2017, arXiv 1706.04599, section 5)."""

Prediction = int | None
"""A label's index; None for an answer that is no label."""


class ClassScores(NamedTuple):
    """How well one label is found: three shares from 0 to 1, and the rows that have it."""

    precision: float
    recall: float
    f1: float
    rows: int


@dataclass(frozen=True)
class LabelCounts:
    """How many rows have each pair of true and predicted label."""

    pairs: Counter[tuple[int, Prediction]]

    @classmethod
    def of(cls, truth: Sequence[int], predicted: Sequence[Prediction]) -> LabelCounts:
        """Counts rows.

        Args:
            truth: The label of each.
            predicted: What was predicted of each.
        """
        return cls(Counter(zip(truth, predicted, strict=True)))

    @property
    def confusion(self) -> list[tuple[int, int, int]]:
        """The cells of the confusion matrix that hold rows: (true label, predicted one, rows), in order."""
        return sorted((true, found, rows) for (true, found), rows in self.pairs.items() if found is not None)

    @property
    def accuracy(self) -> float:
        """The share of rows whose label is predicted."""
        hits = sum(rows for (true, found), rows in self.pairs.items() if true == found)
        return hits / self.pairs.total()

    @property
    def macro_f1(self) -> float:
        """The mean of the F1 scores of all labels that are true or predicted of a row, each counting alike."""
        found = self._occurring()
        return sum(scores.f1 for scores in found) / len(found)

    @property
    def weighted_f1(self) -> float:
        """The same mean, each label counting as often as it is true."""
        return sum(scores.f1 * scores.rows for scores in self._occurring()) / self.pairs.total()

    def of_classes(self, labels: Collection[int]) -> list[ClassScores]:
        """Returns precision, recall and F1 of each label, which may have no row."""
        members, taken, hits = Counter[int](), Counter[Prediction](), Counter[int]()
        for (true, found), rows in self.pairs.items():
            members[true] += rows
            taken[found] += rows
            hits[true] += rows * (true == found)
        return [_scores(hits[label], taken[label], members[label]) for label in labels]

    def _occurring(self) -> list[ClassScores]:
        return self.of_classes(sorted({label for pair in self.pairs for label in pair if label is not None}))


def _scores(hits: int, taken: int, members: int) -> ClassScores:
    return ClassScores(
        hits / taken if taken else 0.0,
        hits / members if members else 0.0,
        2 * hits / (taken + members) if hits else 0.0,
        members,
    )


def calibration_error(confidences: Sequence[float], right: Sequence[bool]) -> float:
    """Returns the expected calibration error (Guo et al. 2017, equation 3).

    Rows are put in `BINS` bins by how sure the model is of its prediction; the error is the mean distance between a
    bin's mean confidence and its accuracy, each bin weighted by its rows.

    Args:
        confidences: How probable the predicted label is, from 0 to 1.
        right: Whether it is the true one.

    Returns:
        From 0, where confidences are what they say, to 1; NaN where a confidence is.
    """
    edges = [edge / BINS for edge in range(1, BINS)]  # a bin holds its upper edge
    excess = [0.0] * BINS  # how many rows more a bin would have to have right
    for confidence, is_right in zip(confidences, right, strict=True):
        excess[bisect_left(edges, confidence)] += confidence - is_right
    return math.fsum(map(abs, excess)) / len(confidences)
