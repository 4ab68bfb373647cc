"""The report's section about the data, from the tag alone."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

from analysis.records import DATA
from analysis.report import data
from sweeper.ledger import Ledger

LABEL = {"label": "<b>", "train": 3, "validation": 1}
FOUND = {
    "path": "rows|.csv",
    "read": 5,
    "used": 4,
    "set_aside": 1,
    "labels": [LABEL, {**LABEL, "label": "sad", "train": 1}],
}


def section(tags: dict[str, str]) -> list[str]:
    evidence: Any = SimpleNamespace(sweep=SimpleNamespace(tags=tags))
    return list(data.lines(evidence))


def test_it_shows_what_the_log_recorded() -> None:
    record = {"event": "data", "time": 1.0, "data": [FOUND]}
    ledger = Ledger("s", [record])
    assert json.loads(ledger.tags[DATA]) == {"data": [FOUND]}
    text = "\n".join(section(ledger.tags))
    assert text.startswith("## Data\n") and "5 read from rows\\|.csv: 4 trained on, 1 set aside for validation" in text
    assert "| \\<b\\> |             3 |      75.0 |               1 |" in text


def test_rows_left_out_are_named_below_the_table() -> None:
    out = {"left_out": {"empty text": 9}, "places": ["a.csv:2 (empty text: <b>)"]}
    text = "\n".join(
        section({DATA: json.dumps({"data": [{**FOUND, **out, "test": 1, "test_source": {"read": 4, **out}}]})})
    )
    assert "| 9 for empty text " in text and "| 1, 9 of 4 left out: 9 for empty text " in text
    assert text.count("- a.csv:2 (empty text: \\<b\\>)\n") == 2


def test_several_data_are_told_apart() -> None:
    several = [{**FOUND, "values": {"data.max_samples": n}} for n in (2, 4)]
    text = "\n".join(section({DATA: json.dumps({"data": several})}))
    assert "Trials with data.max_samples=2:" in text and "Trials with data.max_samples=4:" in text


def test_of_a_sweep_that_recorded_none_nothing_is_said() -> None:
    assert section({}) == section({DATA: "cut off {"}) == section({DATA: "[]"}) == []
    assert DATA not in Ledger("s").tags
