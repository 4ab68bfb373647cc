"""Metrics of labels against scikit-learn's, on random rows."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from sklearn import metrics

from trainers.label_metrics import LabelCounts, calibration_error

LABELS = range(6)


def drawn(seed: int) -> tuple[list[int], list[int]]:
    """Rows of up to four labels, taken for up to five: some are never true, never predicted, or neither."""
    rng = random.Random(seed)
    true, found = rng.sample(LABELS, rng.randint(1, 4)), rng.sample(LABELS, rng.randint(1, 5))
    rows = rng.randint(1, 40)
    truth = [rng.choice(true) for _ in range(rows)]
    return truth, [label if rng.random() < 0.5 else rng.choice(found) for label in truth]


@pytest.mark.parametrize("seed", range(30))
def test_all_are_scikit_learns(seed: int) -> None:
    truth, predicted = drawn(seed)
    counts, zero = LabelCounts.of(truth, predicted), {"zero_division": 0}
    assert counts.accuracy == pytest.approx(metrics.accuracy_score(truth, predicted))
    assert counts.macro_f1 == pytest.approx(metrics.f1_score(truth, predicted, average="macro", **zero))
    assert counts.weighted_f1 == pytest.approx(metrics.f1_score(truth, predicted, average="weighted", **zero))
    theirs = metrics.precision_recall_fscore_support(truth, predicted, labels=list(LABELS), **zero)
    for mine, their in zip(zip(*counts.of_classes(LABELS), strict=True), theirs, strict=True):
        assert list(mine) == pytest.approx(list(their))
    matrix = metrics.confusion_matrix(truth, predicted, labels=list(LABELS))
    cells = [(true, found, matrix[true, found]) for true, found in zip(*matrix.nonzero(), strict=True)]
    assert counts.confusion == cells


@pytest.mark.parametrize("seed", range(30))
def test_an_answer_that_is_no_label_is_wrong_and_of_no_class(seed: int) -> None:
    truth, predicted = drawn(seed)
    answered = [
        None if random.Random(seed).random() < 0.4 or place % 3 == 0 else x for place, x in enumerate(predicted)
    ]
    theirs = [-1 if label is None else label for label in answered]
    classes = sorted({*truth, *theirs} - {-1})
    counts = LabelCounts.of(truth, answered)
    assert counts.accuracy == pytest.approx(metrics.accuracy_score(truth, theirs))
    assert counts.macro_f1 == pytest.approx(
        metrics.f1_score(truth, theirs, labels=classes, average="macro", zero_division=0)
    )


def reference_error(confidences: list[float], right: list[bool]) -> float:
    """Guo et al. 2017, equations 2 and 3, bin by bin: B_m holds confidences in ((m - 1)/M, m/M]."""
    sure, hits, total = np.array(confidences), np.array(right), 0.0
    for m in range(1, 16):
        inside = (sure > (m - 1) / 15) & (sure <= m / 15)
        if inside.any():
            total += inside.mean() * abs(hits[inside].mean() - sure[inside].mean())
    return total


@pytest.mark.parametrize("digits", [1, 12])
@pytest.mark.parametrize("seed", range(10))
def test_the_calibration_error_is_that_of_its_definition(seed: int, digits: int) -> None:
    rng = random.Random(seed)
    sure = [round(rng.uniform(0.05, 1), digits) for _ in range(60)] + [1 / 15, 2 / 15, 3 / 5, 1.0]
    right = [rng.random() < confidence for confidence in sure]
    assert calibration_error(sure, right) == pytest.approx(reference_error(sure, right))


def test_confidence_without_success_is_the_whole_error() -> None:
    assert calibration_error([1.0, 1.0], [False, False]) == 1.0
    assert calibration_error([0.75, 0.75, 0.75, 0.75], [True, True, True, False]) == 0.0
    assert math.isnan(calibration_error([math.nan, 0.5], [True, False]))  # a model that has diverged
