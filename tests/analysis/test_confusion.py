"""Which labels are taken for which: the tag, and the report's section."""

from __future__ import annotations

import dataclasses
import random

import pytest
from made_up import evidence_of, row
from sklearn.metrics import precision_recall_fscore_support

from analysis.confusion import CONFUSION, Confusion, read, tag_of
from analysis.report import labels

EMOTIONS = ["happy", "s|ad", "<b>anger"]
COUNTS = [[0, 0, 5], [0, 1, 2], [1, 1, 3], [2, 0, 1]]


def confusion(names: list[str], counts: list[list[int]], longest: int = 8000) -> Confusion:
    found = read({CONFUSION: tag_of(50, names, counts, longest)})
    assert found is not None
    return found


def drawn(of: int, rows: int) -> tuple[list[str], list[list[int]], list[int], list[int]]:
    rng = random.Random(of)
    truth = [rng.randrange(of) for _ in range(rows)]
    taken = [label if rng.random() < 0.6 else rng.randrange(of) for label in truth]
    pairs = list(zip(truth, taken, strict=True))
    return [f"label {n}" for n in range(of)], [[*pair, pairs.count(pair)] for pair in sorted(set(pairs))], truth, taken


def told(found: Confusion | None, **metrics: float) -> str:
    trial = dataclasses.replace(row(0, 1.0, **metrics), confusion=found)
    return "\n".join(labels.lines(evidence_of([trial])))


def test_precision_recall_and_f1_are_scikit_learns() -> None:
    names, counts, truth, taken = drawn(5, 30)
    mine = [(item.precision, item.recall, item.f1, item.rows) for item in confusion(names, counts).classes]
    theirs = precision_recall_fscore_support(truth, taken, labels=list(range(5)), zero_division=0)
    assert [list(item) for item in mine] == [pytest.approx(list(item)) for item in zip(*theirs, strict=True)]


def test_a_small_matrix_is_whole() -> None:
    found = confusion(EMOTIONS, COUNTS)
    assert (found.step, found.of, found.rows, found.is_whole) == (50, 3, 11, True)
    assert found.cells == (("happy", "s|ad", 2), ("<b>anger", "happy", 1))


@pytest.mark.parametrize("label", ["label {}", "\N{GRINNING FACE}" * 300 + "{}", '"\\\n' * 90 + "{}"])
def test_a_large_one_keeps_the_worst_labels_and_the_most_frequent_confusions(label: str) -> None:
    names, counts, *_ = drawn(400, 3000)
    names = [label.format(name) for name in names]
    found = confusion(names, counts)
    assert len(tag_of(50, names, counts, 8000)) <= 8000 and not found.is_whole and found.of == 400
    most = max(rows for true, taken, rows in counts if true != taken)
    assert found.cells[0][2] == most and found.rows == 3000
    worst = min(item.f1 for item in confusion(names, counts, 10**9).classes if item.rows)
    assert min(item.f1 for item in found.classes) == worst


@pytest.mark.parametrize("text", ["", "{", "[]", "7", '{"step": 1}', '{"labels": {"x": 1}}'])
def test_what_is_no_matrix_is_none(text: str) -> None:
    assert read({CONFUSION: text}) is None and read({}) is None


def test_the_report_shows_every_label_and_the_matrix() -> None:
    text = told(confusion(EMOTIONS, COUNTS), eval_accuracy=8 / 11, eval_macro_f1=0.5, eval_outside_rate=0.25)
    assert "## Labels" in text and "at its best evaluation (step 50), 11 validation rows." in text
    assert "Accuracy 0.7273; macro-F1 0.5000; free answers outside the labels 0.2500." in text
    cells = [[cell.strip() for cell in line.replace(r"\|", "/").split("|")[1:-1]] for line in text.splitlines()]
    assert ["happy", "7", "6", "0.833", "0.714", "0.769"] in cells
    assert ["s/ad", "3", "5", "0.600", "1.000", "0.750"] in cells
    assert ["happy", "5", "2", "0"] in cells and [r"\<b\>anger", "1", "0", "0"] in cells
    assert ["", "happy", "s/ad", r"\<b\>anger"] in cells


def test_the_report_abbreviates_many_labels() -> None:
    names, counts, *_ = drawn(60, 2000)
    text = told(confusion(names, counts, 10**9))
    assert "The 20 labels of 60 that are found worst:" in text and "What is confused most often:" in text
    assert text.count("| label ") == 20 + 2 * 15  # a mistake names two


def test_no_mistake_and_no_labels() -> None:
    assert "No row was taken for another label." in told(confusion(["a", "b"], [[0, 0, 3]]))
    assert told(None) == ""
