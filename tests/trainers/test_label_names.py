"""Labels in metrics' names: MLflow takes every one, and no two become the same."""

from __future__ import annotations

import pytest
from mlflow.utils.validation import _validate_metric_name

from trainers.label_names import class_metrics, is_of_a_class, metric_labels

ODD = ["a/b", "a_b", "A_B", "..", ".", "", "/", "üb er", "😀", "🎉", "x" * 300, "x" * 299, "a  b ", 'q"?']


def test_names_that_need_no_change_keep_themselves() -> None:
    assert metric_labels(["happy", "very sad", "a.b-c:d_1"]) == ["happy", "very sad", "a.b-c:d_1"]


@pytest.mark.parametrize("labels", [ODD, ODD[::-1]])
def test_mlflow_takes_every_name_and_all_differ_case_aside(labels: list[str]) -> None:
    made = metric_labels(labels)
    assert len({name.casefold() for name in made}) == len(labels)
    assert made[labels.index("a_b")] in {"a_b", "a_b_2"}
    for name in class_metrics(labels):
        _validate_metric_name(f"final_{name}")


def test_a_label_that_needs_no_change_comes_before_one_that_does() -> None:
    assert metric_labels(["a/b", "a_b"]) == ["a_b_2", "a_b"]


def test_more_than_thirty_two_labels_have_no_metrics_of_their_own() -> None:
    assert len(class_metrics([f"l{index}" for index in range(32)])) == 96
    assert class_metrics([f"l{index}" for index in range(33)]) == []


def test_what_is_about_one_label() -> None:
    assert is_of_a_class("eval_f1/happy")
    assert not any(map(is_of_a_class, ("eval_f1", "eval_macro_f1", "eval_loss/happy")))
