"""What became of the rows, in words that a dry run and a report share."""

from __future__ import annotations

from typing import Any

import pytest

from analysis.data_words import labels, title, told

TOKENS = {"mean": 12.3456, "p50": 12, "p95": 17, "p99": 18, "longest": 1900, "source": "the model's tokenizer"}
FOUND: dict[str, Any] = {
    "path": "rows.csv",
    "values": {},
    **{"read": 50, "used": 30, "set_aside": 13, "beyond": 5, "left_out": {"no label": 1, "empty text": 1}, "made": 0},
    **{"places": ["rows.csv:7"], "max_samples": 30, "validation": 13, "max_length": 16},
    "tokens": {**TOKENS, "truncated": 0.2, "dropped": 0.05, "crossing": 0.5, "chat": "turn by turn"},
    "validation_tokens": {**TOKENS, "truncated": 0.0, "dropped": 0.0},
    "labels": [{"label": "happy", "train": 20, "validation": 8}, {"label": "sad", "train": 10, "validation": 5}],
}


def test_every_row_that_was_read_is_somewhere() -> None:
    found = told(FOUND)
    assert found["Rows"] == (
        "50 read from rows.csv: 30 trained on, 13 set aside for validation, 5 beyond data.max_samples=30, 2 left out"
    )
    assert found["Left out"] == "1 for no label, 1 for empty text: rows.csv:7; and 1 more"
    assert found["Validation rows"] == "13" and "Test rows" not in found
    own = {"read": 9, "left_out": {"no label": 2}, "places": ["v.csv:3", "v.csv:4"]}
    other = told({**FOUND, "validation": 7, "validation_source": own, "test": 4, "test_source": {"read": 4}})
    assert other["Validation rows"] == "7, 2 of 9 left out: 2 for no label: v.csv:3; v.csv:4"
    assert other["Test rows"] == "4"


@pytest.mark.parametrize(("made", "text"), [(60, "90 rows, 60 added by"), (-6, "24 rows, 6 taken away by")])
def test_what_is_made_of_them(made: int, text: str) -> None:
    assert told({**FOUND, "made": made})["Trained on"] == f"{text} data.augmentation and data.class_balance"


def test_lengths_and_what_max_length_does() -> None:
    found = told(FOUND)
    assert found["Tokens of a training row"] == (
        "12.3 on average; half have at most 12, 95 % 17, 99 % 18, the longest 1,900 (the model's tokenizer)"
    )
    assert found["Over training.max_length=16"] == (
        "of the training rows 15.0 % are cut and 5.0 % are left out, their prompt alone fills it; "
        "of the validation rows none"
    )
    assert found["Conversations"] == "turn by turn" and found["Prompt and completion"].startswith("50.0 %")


def test_labels_with_their_shares() -> None:
    assert [list(row.values()) for row in labels(FOUND)] == [["happy", "20", "66.7", "8"], ["sad", "10", "33.3", "5"]]

    balanced = [{**item, "made": 20, "weight": 1.5} for item in FOUND["labels"]]
    (first, *_) = labels({**FOUND, "labels": balanced})
    assert (first["Trained on"], first["Weight"]) == ("20", "1.5")


def test_nothing_is_said_of_what_is_not_known() -> None:
    plain = told({"read": 3, "used": 3, "path": "t.jsonl", "tokens": None, "made": 0})
    assert plain == {"Rows": "3 read from t.jsonl: 3 trained on"} and labels({}) == []
    assert title({"values": {"data.max_samples": 10}}) == "data.max_samples=10" and title(FOUND) == ""
