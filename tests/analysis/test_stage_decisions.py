"""Each stage's decision in the report, with its numbers."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from made_up import places_of, row, sweep_of

from analysis.evidence import Evidence
from analysis.patterns.pattern import Patterns
from analysis.report.decisions import lines

NUMBERS: dict[str, Any] = {
    "values": {"lora.r=8": -0.75, "lora.r=16 | x": -0.5, "lora.r=32": None},
    "noise": 0.01,
    "tied": ["lora.r=8"],
    "means": {"linear": -0.6},
    "realised_gain": {"lora.r=8": 2.0},
}


def told(decisions: dict[str, str], direction: str = "maximize", **tags: Any) -> str:
    rows = [dataclasses.replace(row(0, 1.0), stage="rates"), dataclasses.replace(row(1, 1.0), stage="ranks")]
    made = sweep_of(rows, direction=direction)
    records = dataclasses.replace(made.records, decisions=decisions)
    named = {
        key.replace("_", "."): value if isinstance(value, str) else json.dumps(value) for key, value in tags.items()
    }
    sweep = dataclasses.replace(made, records=records, tags=named)
    return "\n".join(lines(Evidence(sweep, places_of(rows), Patterns())))


@pytest.mark.parametrize(
    ("direction", "value", "mean"), [("maximize", "0.7500", "0.6000"), ("minimize", "-0.7500", "-0.6000")]
)
def test_a_stage_tells_its_numbers_with_their_own_sign(direction: str, value: str, mean: str) -> None:
    told_of = {"order": 0, "why": "rank first", "numbers": NUMBERS, "reused": {"trials": 2, "steps": 1200}}
    text = told({"ranks": "lora.r=8 is the best"}, direction, numbers_ranks=told_of)
    assert "### ranks\n\n*rank first*\n\nlora.r=8 is the best.\n" in text
    cells = [[cell.strip() for cell in line.split(" | ")] for line in text.splitlines() if "lora.r=8 " in line]
    assert cells[-1] == ["| lora.r=8", value, "2 |"]
    assert "lora.r=16 \\| x" in text
    assert f"Numbers: noise 0.01, mean eval_loss of linear {mean}." in text
    assert "Measured by earlier stages already: 2 of its trials, 1,200 steps." in text
    again = told({"ranks": "lora.r=8 is the best; noise ±0.01 (stated)"}, direction, numbers_ranks=told_of)
    assert f"Numbers: mean eval_loss of linear {mean}." in again


def test_stages_come_in_the_order_they_were_decided() -> None:
    decisions = {"a": "skipped: nothing", "ranks": "8", "rates": "1e-4"}
    recorded = {f"numbers_{stage}": {"order": order} for order, stage in enumerate(("ranks", "a", "rates"))}
    assert [line for line in told(decisions, **recorded).splitlines() if line.startswith("###")] == [
        *("### ranks", "### a", "### rates"),
    ]
    # Of logs without the order: by their first trials, those without any last.
    assert [line for line in told(decisions).splitlines() if line.startswith("###")] == [
        *("### rates", "### ranks", "### a"),
    ]


def test_a_plain_search_says_how_it_chose() -> None:
    text = told({}, sampler="tpe")
    assert "One search, its points chosen by tpe: the largest eval_loss among the trials that completed" in text
