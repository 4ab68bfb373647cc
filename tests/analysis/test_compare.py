"""Sweeps side by side."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from analysis.compare import compared, to_json, to_markdown
from analysis.ranking import ranked
from analysis.recorded_sweep import RecordedSweep
from analysis.records import CONTENT, ORIGIN, TOKENIZER, VALIDATION, VERSIONS, SweepRecords, TrialRow
from analysis.sides import Side

FINGERPRINTS = {VALIDATION: "v", CONTENT: "c", TOKENIZER: "t"}


def trial(number: int, loss: float, fingerprints: Any = FINGERPRINTS, **params: Any) -> TrialRow:
    known = {
        "model.path": "m|1", "data.name": "emotion", "lora.r": 8, "training.lr_scheduler_type": "linear",
        "training.seed": number, **{key.replace("__", "."): value for key, value in params.items()},
    }  # fmt: skip
    metrics = {"eval_loss": loss, "steps": 100.0, "seconds": 1800.0}
    name = "base" if number < 0 else f"exp{number + 1}"
    return TrialRow(
        number,
        name,
        "complete",
        "",
        number < 0,
        known,
        metrics,
        ("lora.r",),
        f"{name}{loss}",
        fingerprints=fingerprints,
    )


def side(name: str, *trials: TrialRow, **tags: str) -> Side:
    records = SweepRecords(name, "eval_loss", "minimize", list(trials))
    return Side(RecordedSweep(records, tags, started=0.0), ranked(records))


ONE = side(
    "one", trial(-1, 5.0), trial(0, 1.5), trial(1, 1.4), trial(2, 1.7, lora__r=4), **{VERSIONS: '{"torch": "1"}'}
)
TWO = side(
    "two", trial(0, 1.2, {TOKENIZER: "t"}, lora__r=16), **{VERSIONS: '{"torch": "2", "peft": "1"}', ORIGIN: "x.csv"}
)


def rows(*sides: Side) -> dict[str, list[str]]:
    lines = [line for line in to_markdown(compared(sides)).splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.replace(r"\|", "/").split("|")[1:-1]] for line in lines]
    return {first: rest for first, *rest in cells}


def test_what_they_are_and_what_came_of_them() -> None:
    found = rows(ONE, TWO)
    assert found[""] == ["one", "two", "Agree"]
    assert found["model"] == ["m/1", "m/1", "same"] and found["fingerprint of tokenizer"] == ["t", "t", "same"]
    assert found["fingerprint of evaluated rows"] == ["v", "not known", "unknown"]
    assert found["trials"][:2] == ["3 complete", "1 complete"] and found["configurations"][:2] == ["2", "1"]
    assert found["best eval_loss"][0].startswith("1.4500 ± ") and found["best eval_loss"][1] == "1.2000"
    assert found["winner"][:2] == ["exp1", "exp1"] and found["untrained base model"][:2] == ["5.0000", "not known"]
    assert found["steps"][:2] == ["300", "100"] and found["hours"][:2] == ["1.50", "0.50"]
    assert found["when"][:2] == ["1970-01-01 00:00 UTC", "imported 1970-01-01 00:00 UTC from x.csv"]


def test_of_the_winners_and_the_versions_only_what_differs() -> None:
    found = rows(ONE, TWO)
    assert found["winner's lora.r"][:2] == ["8", "16"] and found["version of torch"][:2] == ["1", "2"]
    assert found["version of peft"][:2] == ["not known", "1"]
    assert not {"winner's model.path", "winner's training.seed", "winner's training.lr_scheduler_type"} & set(found)


def test_a_sentence_says_whether_they_can_be_ranked_together() -> None:
    apart = to_markdown(compared([ONE, TWO]))
    assert "cannot be ranked together" in apart and "- the rows that evaluate: one (v), two (not known)" in apart
    together = to_markdown(compared([ONE, side("three", trial(0, 1.3))]))
    assert "They can be ranked together" in together and "`lora-report leaderboard one three`" in together


def test_json_has_values() -> None:
    page = json.loads(to_json(compared([ONE, TWO, side("none")])))
    facts = {fact["key"]: fact for fact in page["facts"]}
    assert page["can_be_ranked_together"] is False and page["sweeps"] == ["one", "two", "none"]
    assert facts["best"]["values"]["two"] == {"value": 1.2, "interval": None, "trials": 1}
    assert facts["best"]["values"]["none"] is None and facts["metric"]["agree"] == "same"


def test_values_of_different_metrics_stand_under_none_of_their_names() -> None:
    other = dataclasses.replace(TWO.sweep.records, metric="eval_macro_f1", direction="maximize")
    rows = [dataclasses.replace(row, metrics={**row.metrics, "eval_macro_f1": 0.5}) for row in other.trials]
    other = dataclasses.replace(other, trials=rows)
    text = to_markdown(compared([ONE, Side(dataclasses.replace(TWO.sweep, records=other), ranked(other))]))
    assert "| best value " in text and "best eval_loss" not in text
    assert "best eval_loss" in to_markdown(compared([ONE, TWO]))
