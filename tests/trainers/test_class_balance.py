"""Rarer labels are repeated, weighted, or the others cut down; what is not labelled is left alone."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from sklearn.utils.class_weight import compute_sample_weight

from trainers.class_balance import balanced
from trainers.data import Example, load
from trainers.split import set_aside, stratified
from trainers.trial import Data

COUNTS = {0: 7, 1: 3, 2: 1, 5: 5}
ROWS = [Example(f"{label} {number}", " x", label) for label, count in COUNTS.items() for number in range(count)]


def made(how: Any) -> list[Example]:
    return balanced(ROWS, Data("d", "", class_balance=how))


def test_rare_rows_are_repeated_evenly() -> None:
    times = Counter(row.prompt for row in made("oversample"))
    assert Counter(row.label for row in made("oversample")) == dict.fromkeys(COUNTS, 7)
    assert set(times) == {row.prompt for row in ROWS}
    assert [times[f"1 {number}"] for number in range(3)] == [2, 2, 3] and times["2 0"] == 7
    assert list(dict.fromkeys(made("oversample"))) == ROWS == made("none")


def test_frequent_rows_are_left_out_by_a_fixed_draw() -> None:
    assert Counter(row.label for row in made("undersample")) == dict.fromkeys(COUNTS, 1)
    assert made("undersample") == made("undersample") and set(made("undersample")) <= set(ROWS)


def test_weights_are_scikit_learns() -> None:
    weights = [row.weight for row in made("weights")]
    np.testing.assert_allclose(weights, compute_sample_weight("balanced", [row.label for row in ROWS]))
    assert np.mean(weights) == pytest.approx(1)


def test_nothing_to_balance() -> None:
    for how in ("oversample", "undersample", "weights"):
        assert balanced([], Data("d", "", class_balance=how)) == []  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("how", "count", "more"), [("oversample", 48, 38), ("undersample", 12, 2), ("weights", 30, 20)]
)
def test_variants_stay_with_their_row(tmp_path: Any, how: Any, count: int, more: int) -> None:
    lines = [f'{{"text": "row {number} of them all", "label": "{"ab"[number < 2]}"}}\n' for number in range(10)]
    (tmp_path / "r.jsonl").write_text("".join(lines))
    path = str(tmp_path / "r.jsonl")
    rows = load(Data("d", path, path, class_balance=how, augmentation="eda"))
    assert len(rows.train) == count and rows.account.made == more and rows.account.used == 10
    plain = load(Data("d", path, path, class_balance=how))
    assert rows.train[::3] == plain.train and rows.minority == plain.minority == 1
    assert [row.weight for row in rows.train[1::3]] == [row.weight for row in plain.train]


@pytest.mark.parametrize("fraction", [0.01, 0.2, 0.5, 0.99])
def test_a_labels_last_row_is_trained_on(fraction: float) -> None:
    rows = [Example(f"{label} {number}", " x", label) for label in range(9) for number in range(1 + 2 * (label > 5))]
    kept, held = set_aside(rows, fraction)
    assert sorted([*kept, *held], key=lambda row: row.prompt) == sorted(rows, key=lambda row: row.prompt)
    assert kept and held and len(held) == min(max(1, round(fraction * len(rows))), len(rows) - 1)
    if len(kept) >= 9:
        assert {row.label for row in kept} == set(range(9))
    assert set_aside(rows, fraction) == (kept, held)


def test_labels_with_rows_enough_are_split_as_before() -> None:
    rows = [Example(f"{number}", " x", number % 2) for number in range(40)]
    assert {rows.index(row) for row in set_aside(rows, 0.2)[1]} == stratified(rows, 8)
