"""What a command is told before it trains: document 004 as configurations, and what becomes of findings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from planned import plan_of
from scened import lengths, scene
from shell import Shell

from sweeper import near_duplicates
from sweeper.checks import CHECKS
from sweeper.finding import Finding
from sweeper.findings_text import page, table
from sweeper.merging import Found, merged
from sweeper.near_duplicates import Different

ROWS = {"rows": 40_500, "source": 45_000, "tokens": lengths(40, 90), "training_max_length": 128}

FAILED = {
    **ROWS,
    "training_max_steps": 500,
    "training_per_device_train_batch_size": 1,
    "training_gradient_accumulation_steps": 8,
    "training_learning_rate": 5e-5,
    "training_lr_scheduler_type": "cosine",
    "training_warmup_steps": 0,
    "training_eval_steps": 150,
    "quantization_name": "nf4",
}
FIRST = {
    **FAILED,
    "training_max_steps": 2_000,
    "training_per_device_train_batch_size": 2,
    "training_gradient_accumulation_steps": 16,
    "training_learning_rate": 1e-4,
    "training_warmup_steps": 200,
    "training_eval_steps": 500,
}
SECOND = {
    **FIRST,
    "training_max_steps": 5_000,
    "training_per_device_train_batch_size": 4,
    "training_learning_rate": 2e-4,
    "training_warmup_steps": 500,
    "training_weight_decay": 0.01,
}
THIRD = {
    **FIRST,
    "quantization_name": "int8",
    "lora_r": 32,
    "lora_alpha": 64,
    "lora_gain": None,
    "lora_dropout": 0.1,
    "lora_use_rslora": True,
    "lora_target_modules": ["q_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],
}


def found(set_: dict[str, Any]) -> dict[str, Finding]:
    """Every finding about a run, by its number."""
    made = scene(**set_)
    return {finding.number: finding for check in CHECKS for finding in check(made)}


def beginning(told: dict[str, Finding], number: str) -> Finding:
    (finding,) = (item for item in told.values() if item.number.startswith(number))
    return finding


def test_the_failed_run_of_document_004_is_caught() -> None:
    told = found(FAILED)
    coverage = beginning(told, "8.9 %: 4,000 of 45,000 rows, 0.09 epochs")
    assert coverage.severity == "warning" and coverage.source == "004, Critical Issues 1"
    assert beginning(told, "4-bit with micro-batch 1: 1 x 8 = 8 rows").severity == "warning"
    # The document took it for dead after 200 steps.
    assert beginning(told, "65 % of its peak at step 200 of 500").severity == "note"


@pytest.mark.parametrize(("approach", "coverage"), [(FIRST, "142 %: 64,000"), (SECOND, "711 %: 320,000")])
def test_its_first_two_approaches_cover_the_data(approach: dict[str, Any], coverage: str) -> None:
    told = found(approach)
    assert "error" not in {finding.severity for finding in told.values()}
    assert beginning(told, f"{coverage} of 45,000 rows").severity == "note"
    assert not [number for number in told if number.startswith("4-bit")]


def test_its_third_approach_is_warned_of_its_gain() -> None:
    told = found(THIRD)
    assert "error" not in {finding.severity for finding in told.values()}
    assert beginning(told, "gain 2 -> 11.3").remedy.startswith("lora.alpha=11")


def test_every_finding_says_what_it_is_held_against() -> None:
    for approach in (FAILED, FIRST, SECOND, THIRD):
        for finding in found(approach).values():
            assert finding.rule and finding.source and (finding.remedy or finding.severity == "note")


@pytest.fixture
def many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A command's data: 45,000 short rows, none like another."""
    lines = (json.dumps({"prompt": f"a{n} b{n} c{n}", "completion": f" d{n}"}) for n in range(45_000))
    (tmp_path / "train.jsonl").write_text("\n".join(lines))
    monkeypatch.chdir(tmp_path)
    # Comparing them takes seconds, once: `test_near_duplicates` is about that.
    monkeypatch.setattr(near_duplicates, "different", lambda examples: Different(len(examples), exact=False))
    return ["data=path", "data.name=own", "data.path=train.jsonl"]


def test_a_grid_over_a_large_file(many: list[str]) -> None:
    made = plan_of(
        "none",
        *many,
        "model=path",
        "model.path=org/m",
        "model.name=m",
        "quantization=nf4",
        "training.max_steps=500",
        "training.per_device_train_batch_size=1",
        "training.gradient_accumulation_steps=8",
        "training.learning_rate=5e-5,1e-3",
        "lora.r=32,512",
    )
    told = made["findings"]
    told_of = "8.9 %: 4,000 of 45,000 rows, 0.09 epochs; 0.10 of the 40,500 trained on"
    assert told[0]["severity"] == "warning" and told[0]["number"] == told_of
    (rank,) = (item for item in told if item["key"] == "lora.r" and item["severity"] == "warning")
    assert rank["value"] == 512 and rank["number"].endswith("(2 of 4 trials)")
    assert all(item["severity"] != "error" for item in told)


@pytest.mark.parametrize("procedure", ["packing", "scheduler"])
def test_what_a_procedure_tries_on_purpose_is_no_warning(procedure: str) -> None:
    assert {item["severity"] for item in plan_of(procedure)["findings"]} == {"note"}


def test_a_rate_that_a_procedure_holds_is_one() -> None:
    told = plan_of("exp3")["findings"]
    assert {item["key"] for item in told if item["severity"] == "warning"} == {"training.num_train_epochs"}


def finding(value: Any, number: str = "n", severity: Any = "note") -> Finding:
    return Finding(severity, "lora.r", value, number, "rule", "ours", "lora.r=8")


def test_equal_findings_are_told_once_with_their_values() -> None:
    told = merged([Found(finding(32), 0), Found(finding(64), 1), Found(finding(8, severity="error"), 2)], 3)
    assert [(item.severity, item.value) for item in told] == [("error", 8), ("note", "32,64")]
    assert told[1].number == "n (2 of 3 trials)"


def test_many_findings_of_one_kind_are_told_as_one() -> None:
    told = merged([Found(finding(n, f"number {n}"), n) for n in range(9)], 9)
    assert [(item.value, item.number) for item in told] == [("0,1,2,3,4,5,6,7,8", "number 0, and 8 more like it")]


def test_nothing_is_said_of_how_many_trials_where_that_is_not_known() -> None:
    assert merged([Found(finding(1), 0)], 0)[0].number == "n"


def test_the_table_is_readable_at_120_columns_and_shows_what_it_is_given() -> None:
    odd = Finding("warning", "data.path", "a|b\x1b[1m" * 20, "12.5 % " * 30, "rule", "ours", "data.path=*x*")
    lines = table([odd, finding(8)])
    assert lines[0] == "Preflight: 1 warning, 1 note" and max(map(len, lines)) <= 120
    assert not any(line.rstrip().endswith(" 12.5") for line in lines)
    assert "data.path=\\*x\\*" in page("s", [odd]) and "\x1b" not in page("s", [odd]) + "".join(lines)


def test_an_error_stops_a_sweep_before_anything_is_written(shell: Shell) -> None:
    done = shell.sweep("-m", "lora.r=4,8", "training.max_steps=8")
    assert done.returncode == 2 and list(shell.folder.iterdir()) == []
    assert "1 problem with this command; nothing was started" in done.stderr
    assert "training.warmup_steps=10.0: 10 of 8 steps (125 %): the run ends before" in done.stderr
    assert "try: training.warmup_steps=4" in done.stderr and "Traceback" not in done.stderr
    assert shell.sweep("-m", "lora.r=4,8", "training.max_steps=8", "sweep.dry_run=true").returncode == 2
