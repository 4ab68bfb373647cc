"""The winner on test rows: means, intervals and caveats, from whatever the store holds."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np
import pytest
from ranked_rows import trial
from sklearn.metrics import f1_score

from analysis.leaderboard import rank
from analysis.leaderboard_table import to_markdown, to_text
from analysis.on_test import OnTest, on_test
from analysis.records import SweepRecords, TrialRow
from analysis.row_intervals import of_macro_f1, of_share
from analysis.winners_test import caveats, in_one_line

ROWS = OnTest(100, "ttt", "test.csv", 20, labels=("x", "y"), counts=((0, 0, 50), (0, 1, 10), (1, 0, 5), (1, 1, 35)))
MACRO = f1_score([0] * 60 + [1] * 40, [0] * 50 + [1] * 10 + [0] * 5 + [1] * 35, average="macro")


def measured_on(row: TrialRow, rows: OnTest = ROWS, **metrics: float) -> TrialRow:
    return dataclasses.replace(row, test=rows, metrics={**row.metrics, **metrics})


def board(*rows: TrialRow) -> Any:
    return rank(SweepRecords("s", "eval_loss", "minimize", list(rows)))


def base(**metrics: float) -> TrialRow:
    return dataclasses.replace(measured_on(trial(1, None, 3.0), **metrics), is_reference=True, number=-1)


def test_of_a_share_it_is_wilsons() -> None:
    assert of_share(0.5, 10) == pytest.approx((0.2366, 0.7634), abs=1e-4)  # Brown, Cai, DasGupta 2001, formula (4)
    assert of_share(0.0, 10) == pytest.approx((0.0, 0.2775), abs=1e-4) and of_share(1.0, 10)[1] == pytest.approx(1)


def test_of_macro_f1_it_is_the_bootstrap_over_rows() -> None:
    truth = np.array([0] * 60 + [1] * 40)
    found = np.array([0] * 50 + [1] * 10 + [0] * 5 + [1] * 35)
    drawn = np.random.default_rng(1)
    picks = (drawn.integers(0, 100, 100) for _ in range(400))
    scores = [f1_score(truth[pick], found[pick], average="macro") for pick in picks]
    interval = of_macro_f1(ROWS.counts, MACRO)
    assert interval == pytest.approx(np.quantile(scores, [0.025, 0.975]), abs=0.015)
    assert interval == of_macro_f1(ROWS.counts, MACRO)
    assert of_macro_f1(ROWS.counts, MACRO + 0.01) is None  # another score's counts
    assert of_macro_f1(((0, 0, 5), (1, 1, 5)), 1.0) is None  # too few rows


def test_of_macro_f1_none_is_stated_where_a_label_has_hardly_a_row() -> None:
    def interval(*counts: tuple[int, int, int]) -> Any:
        truth, found = ([cell[side] for cell in counts for _ in range(cell[2])] for side in (0, 1))
        return of_macro_f1(counts, f1_score(truth, found, average="macro"))

    assert interval((0, 0, 90), (0, 1, 6), (1, 1, 4)) is None
    assert interval((0, 0, 90), (0, 1, 10)) is None  # said, and never true
    assert interval((0, 0, 90), (0, 1, 5), (1, 1, 5)) is not None


def test_without_a_test_nothing_is_said() -> None:
    assert board(trial(8, 1, 1.0)).test is None and "Test of" not in to_text(board(trial(8, 1, 1.0)))


def test_one_seed_beside_the_base() -> None:
    values = {"test_loss": 1.25, "test_macro_f1": MACRO, "test_accuracy": 0.85, "test_outside_rate": 0.1}
    made = board(measured_on(trial(8, 1, 1.0, eval_accuracy=0.9), **values), trial(16, 1, 2.0), base(test_loss=3.5))
    found = made.test
    assert [item.name for item in found.compared] == list(values)
    loss, macro, accuracy, outside = found.compared
    assert outside.interval == of_share(0.1, 100)
    assert (loss.validation, loss.test, loss.base, loss.interval, loss.spread) == (1.0, 1.25, 3.5, None, None)
    assert macro.interval is not None and accuracy.interval == of_share(0.85, 100) and accuracy.validation == 0.9
    told = in_one_line(found)
    assert told.startswith("Test of r8_s1 (100 rows, measured once): test_loss 1.2500 (validation 1.0000), ")
    assert told.endswith("; the untrained base: test_loss 3.5000.") and caveats(found) == []
    assert told in to_text(made) and "Test of r8_s1" in to_markdown(made)


def test_seeds_are_averaged_and_those_without_an_adapter_are_told() -> None:
    rows = [
        measured_on(trial(8, seed, 1.0 + seed / 10, eval_accuracy=0.9), test_accuracy=0.8 + seed / 10)
        for seed in (0, 1)
    ]
    found = board(*rows, trial(8, 2, 1.5)).test
    (accuracy,) = found.compared
    assert accuracy.test == pytest.approx(0.85) and accuracy.spread == pytest.approx(0.1 / 2**0.5)
    assert accuracy.interval == pytest.approx(of_share(0.85, 100))
    assert caveats(found) == ["Of its 3 seeds, 2 had an adapter left to measure."]


def test_rows_that_were_looked_at_before_or_trained_on_are_told() -> None:
    seen = dataclasses.replace(ROWS, shared=7, cut_off=1, left_out=2)
    before = measured_on(trial(16, 1, 2.0), dataclasses.replace(ROWS, content="other"), test_loss=2.0)
    found = board(
        measured_on(trial(8, 1, 1.0), seen, test_loss=1.0), measured_on(trial(4, 1, 3.0), test_loss=3.0), before
    ).test
    assert found.name == "r8_s1" and found.looked_at == 2
    told = caveats(found)
    assert "looked at for 2 configurations" in told[0] and "7 of the rows are training" in told[1]
    assert "2 more rows are not in it" in told[2] and "1 more rows are not in it" in told[3]


@pytest.mark.parametrize("rows", [None, -1, 0, "5", True, 1.5, [], {}])
def test_a_tag_without_rows_is_no_test(rows: Any) -> None:
    assert on_test({"test": json.dumps({"rows": rows})}) is None


@pytest.mark.parametrize(
    "counts", [[[0, 2, 1]], [[0, 0]], [[0, 0, -1]], [["a", 0, 1]], {"a": 1}, "x", [[0, 0, 1], None], [[0, 0, 1.5]]]
)
def test_a_tag_with_cells_that_are_none_has_no_matrix(counts: Any) -> None:
    found = on_test({"test": json.dumps({"rows": 5, "step": "x", "labels": ["a", "b"], "counts": counts})})
    assert found == OnTest(5)
    assert on_test({"test": "{torn"}) is None and on_test({}) is None
