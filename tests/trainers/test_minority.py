"""The rarest label's scores, against scikit-learn's and by hand."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml
from sklearn.metrics import f1_score, precision_recall_curve, precision_score, recall_score

from trainers import sft
from trainers.data import load
from trainers.minority import at_threshold, minority_of, minority_scores
from trainers.registry import Resources
from trainers.seam import GoOn, Rung, Start
from trainers.trial import Data, TrialConfig


@pytest.mark.parametrize(
    ("labels", "rarest"),
    [([0, 1, 1, 2, 2], 0), ([2, 2, 1, 0, 0], 1), ([2, 1, 0], 0), ([1, 2, 2, 1], 1), ([None, None], None), ([], None)],
)
def test_the_fewest_rows_and_the_first_among_equals(labels: list[int | None], rarest: int | None) -> None:
    assert minority_of(labels) == rarest


@pytest.mark.parametrize("digits", [1, 2, 12])  # with ties, and without
@pytest.mark.parametrize("seed", range(20))
def test_they_are_scikit_learns(seed: int, digits: int) -> None:
    rng = random.Random(seed)
    truth = [True, *(rng.random() < 0.2 for _ in range(79))]
    scores = [round(min(1.0, rng.random() * (1 + member)), digits) for member in truth]
    precision, recall, thresholds = precision_recall_curve(truth, scores)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    best = max(index for index, value in enumerate(f1[:-1]) if math.isclose(value, max(f1[:-1]), abs_tol=1e-12))
    assert minority_scores(truth, scores) == pytest.approx(
        {
            "eval_minority_f1": f1[best],
            "eval_minority_precision": precision[best],
            "eval_minority_recall": recall[best],
            "minority_threshold": thresholds[best],
        }
    )


@pytest.mark.parametrize("seed", range(5))
def test_taking_rows_from_the_threshold_on_gives_the_scores(seed: int) -> None:
    rng = random.Random(seed)
    truth, scores = [rng.random() < 0.3 for _ in range(40)], [round(rng.random(), 1) for _ in range(40)]
    found = minority_scores(truth, scores)
    taken = [score >= found["minority_threshold"] for score in scores]
    assert found["eval_minority_f1"] == pytest.approx(f1_score(truth, taken))
    assert found["eval_minority_precision"] == pytest.approx(precision_score(truth, taken))
    assert found["eval_minority_recall"] == pytest.approx(recall_score(truth, taken))
    assert max(f1_score(truth, [score >= bound for score in scores]) for bound in set(scores)) == pytest.approx(
        found["eval_minority_f1"]
    )


@pytest.mark.parametrize("threshold", [0.0, 0.35, 0.5, 1.1])
@pytest.mark.parametrize("seed", range(5))
def test_a_threshold_of_other_rows_is_kept(seed: int, threshold: float) -> None:
    rng = random.Random(seed)
    truth, scores = [rng.random() < 0.3 for _ in range(40)], [round(rng.random(), 1) for _ in range(40)]
    taken = [score >= threshold for score in scores]
    assert at_threshold(truth, scores, threshold) == pytest.approx(
        {
            "eval_minority_f1": f1_score(truth, taken, zero_division=0),
            "eval_minority_precision": precision_score(truth, taken, zero_division=0),
            "eval_minority_recall": recall_score(truth, taken, zero_division=0),
            "minority_threshold": threshold,
        }
    )
    assert at_threshold(truth, scores, minority_scores(truth, scores)["minority_threshold"]) == minority_scores(
        truth, scores
    )


def test_the_highest_threshold_among_equals() -> None:
    # One of one, or two of four: F1 is 2/3 either way.
    found = minority_scores([True, False, False, True], [0.9, 0.5, 0.4, 0.3])
    assert (found["eval_minority_f1"], found["minority_threshold"]) == (pytest.approx(2 / 3), 0.9)


def test_without_a_row_of_the_class_all_is_zero() -> None:
    assert minority_scores([False, False], [0.2, 0.7]) == {
        "eval_minority_f1": 0.0,
        "eval_minority_precision": 0.0,
        "eval_minority_recall": 0.0,
        "minority_threshold": 0.7,
    }


def test_a_model_that_has_diverged_is_measured_all_the_same() -> None:
    assert set(minority_scores([True, False], [math.nan, math.nan])) >= {"eval_minority_f1"}


def test_the_bundled_sentences_have_one_minority_however_many_are_used() -> None:
    emotion = yaml.safe_load((Path(__file__).parents[2] / "conf/data/emotion.yaml").read_text())
    made = [load(Data(**{**emotion, **more})) for more in ({}, {"max_samples": 7}, {"augmentation": "eda"})]
    counts = Counter(row.label for row in made[0].train)
    assert {rows.minority for rows in made} == {counts.most_common()[-1][0]}
    assert made[0].minority is not None and emotion["labels"][made[0].minority] in {"disgust", "surprise"}


def test_a_trial_measures_it_at_every_rung(micro_trial: Callable[..., TrialConfig], tmp_path: Path) -> None:
    trainer = sft.make(Resources())
    config = micro_trial(learning_rate=5e-3, max_steps=4, eval_steps=2)
    events = [*trainer.advance([Start("t", config, str(tmp_path / "a"))]), *trainer.advance([GoOn("t")])]
    measured = [event.values for event in events if isinstance(event, Rung)]
    assert len(measured) == 2
    for values in measured:
        precision, recall = values["eval_minority_precision"], values["eval_minority_recall"]
        assert values["eval_minority_f1"] == pytest.approx(2 * precision * recall / (precision + recall))
        assert 0 < values["minority_threshold"] < 1
