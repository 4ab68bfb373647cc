"""Lengths, packing, labels, rows that stand twice."""

from __future__ import annotations

import pytest
from scened import LEAKED, lengths, only, scene, severities

from sweeper.checks import labels, length, packing, rows
from sweeper.repeats import Repeats, counted
from trainers.data import Account, Example


@pytest.mark.parametrize(
    ("truncated", "dropped", "found"),
    [(0.0, 0.0, []), (0.02, 0.0, ["note"]), (0.2, 0.1, ["warning", "warning"]), (1.0, 1.0, ["warning", "error"])],
)
def test_examples_that_are_cut_or_left_out(truncated: float, dropped: float, found: list[str]) -> None:
    tokens = lengths(60, 400, truncated, dropped)
    told = length.check(scene(tokens=tokens, training_max_length=256))
    cut = [item for item in told if item.number.startswith(("2.0 %", "20.0 %", "10.0 %", "100 %"))]
    assert [item.severity for item in cut] == found
    assert {item.remedy for item in cut} <= {"training.max_length=512"}


@pytest.mark.parametrize(
    ("p50", "packed", "found"),
    [(200, True, ["warning"]), (100, True, []), (100, False, []), (40, False, ["note"]), (40, True, [])],
)
def test_packing_by_length(*, p50: int, packed: bool, found: list[str]) -> None:
    said = severities(packing.check, tokens=lengths(p50), training_packing=packed, training_max_length=256)
    assert said == found


RARE, EVEN = (("a", 4_900), ("b", 100)), (("a", 2_600), ("b", 2_400))


def test_a_rare_label_wants_a_metric_that_sees_it() -> None:
    found = only(labels.check, labels=RARE)
    assert found.severity == "warning" and "b, is 2.0 %" in found.number
    assert found.remedy == "sweep.metric=eval_macro_f1"
    assert severities(labels.check, labels=RARE, metric="eval_macro_f1") == ["note"]
    assert severities(labels.check, labels=EVEN) == ["note"] and severities(labels.check) == []
    assert "counts every label alike" in only(labels.check, labels=RARE, metric="eval_macro_f1").rule


def test_one_label_alone_is_always_right() -> None:
    found = only(labels.check, labels=(("a", 5_000),))
    assert found.severity == "warning" and found.number == "all 5,000 labelled rows are a"


def test_rows_that_stand_twice() -> None:
    size, leaked = rows.check(scene(repeats=LEAKED))
    assert (size.severity, leaked.severity) == ("note", "warning") and "3 exact copies" in size.number
    assert leaked.number == "2 of 100 validation rows are training rows (2.0 %)" and leaked.key == "data.path"
    assert severities(rows.check, effective=2_000) == ["warning"]
    near = Repeats(near=5, compared=100)
    assert severities(rows.check, repeats=near) == ["note", "warning"]


def test_rows_that_are_left_out_are_no_secret() -> None:
    accounts = {"data.path": Account(99, {"empty text": 5, "not JSON": 3}), "data.validation_path": Account(9, {})}
    left_out, _ = rows.check(scene(accounts=accounts))
    assert (left_out.severity, left_out.key) == ("warning", "data.path")
    assert left_out.number == "8 of 99 rows are left out (empty text: 5, not JSON: 3)"


def test_repeats_are_counted_word_by_word() -> None:
    text = " ".join(f"w{number}" for number in range(20))
    train = [Example(text, " yes"), Example(text, " yes"), Example("quite another", " no")]
    validation = [Example(text, " yes"), Example(text.replace("w3", "other"), " yes"), Example("nothing like it", " a")]
    assert counted(train, validation) == Repeats(copies=1, leaked=1, near=2, compared=3)
    assert counted(train, []) == Repeats(copies=1)
