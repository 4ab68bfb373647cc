"""When sweeps can be ranked together, and what that makes of them."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from analysis.across import comparable, differences, merged
from analysis.records import CONTENT, TOKENIZER, VALIDATION, SweepRecords, TrialRow
from analysis.report_error import ReportError

ALL = {VALIDATION: "v", CONTENT: "c", TOKENIZER: "t"}


def trial(number: int, *, outcome: str = "complete", name: str = "", fingerprints: Any = ALL) -> TrialRow:
    name = name or f"exp{number + 1}"
    metrics = {"eval_loss": 1.0 + number}
    return TrialRow(number, name, outcome, "", name == "base", {}, metrics, (), name, fingerprints=fingerprints)


def sweep(name: str, *trials: TrialRow, metric: str = "eval_loss", direction: str = "minimize") -> SweepRecords:
    return SweepRecords(name, metric, direction, list(trials), {"rank": f"{name} decided"})


def test_sweeps_agree_in_what_they_measured_on_what() -> None:
    assert differences([sweep("a", trial(0)), sweep("b", trial(1))]) == []
    older = {CONTENT: "c", TOKENIZER: "t"}
    assert differences([sweep("a", trial(0)), sweep("b", trial(1, fingerprints=older))]) == []
    assert differences([sweep("a", trial(0, fingerprints={**ALL, CONTENT: "more"})), sweep("b", trial(1))]) == []


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (sweep("b", trial(0), metric="eval_f1"), "the metric: a (eval_loss), b (eval_f1)"),
        (sweep("b", trial(0), direction="maximize"), "the direction: a (minimize), b (maximize)"),
        (sweep("b", trial(0, fingerprints={**ALL, VALIDATION: "w"})), "the rows that evaluate: a (v), b (w)"),
        (sweep("b", trial(0, fingerprints={**ALL, TOKENIZER: "u"})), "the tokenizer: a (t), b (u)"),
        (sweep("b", trial(0, fingerprints={VALIDATION: "v"})), "the tokenizer: a (t), b (not known)"),
        (sweep("b", trial(0), trial(1, fingerprints={**ALL, TOKENIZER: "u"})), "the tokenizer: a (t), b (t and u)"),
    ],
)
def test_what_differs_is_named_with_both_values(other: SweepRecords, said: str) -> None:
    with pytest.raises(ReportError) as error:
        comparable([sweep("a", trial(0)), other])
    assert f"\n  {said}\n" in str(error.value) and "lora-report compare a b" in str(error.value)


def test_what_nobody_knows_agrees_with_nothing() -> None:
    unknown = [sweep(name, trial(0, fingerprints={})) for name in ("a", "b")]
    assert [item.what for item in differences(unknown)] == ["the rows that evaluate", "the tokenizer"]
    comparable(unknown[:1])  # one sweep is ranked whatever is known of it


def test_a_trial_that_did_not_complete_does_not_matter() -> None:
    failed = trial(1, outcome="failed", fingerprints={})
    assert differences([sweep("a", trial(0), failed), sweep("b", trial(2))]) == []


def test_a_trial_of_two_sweeps_is_there_once_from_where_it_completed() -> None:
    first = sweep("a", trial(-1, name="base"), trial(0), trial(1, outcome="pruned"), trial(2))
    second = sweep("b", trial(0, name="exp2"), trial(1, name="exp3"), trial(2, name="new"))
    found = merged([first, second])
    assert [(row.name, row.sweep, row.outcome) for row in found.trials] == [
        ("base", "a", "complete"),
        ("exp1", "a", "complete"),
        ("exp3", "a", "complete"),
        ("exp2", "b", "complete"),
        ("new", "b", "complete"),
    ]
    numbers = [row.number for row in found.trials if not row.is_reference]
    assert numbers == sorted(set(numbers)) and found.name == "a, b"
    assert found.decisions == {"a rank": "a decided", "b rank": "b decided"}


def test_one_sweep_stays_as_it_is() -> None:
    alone = dataclasses.replace(sweep("a", trial(0)), noise=0.01)
    assert merged([alone]) is alone


def test_what_sweeps_held_at_different_values_is_shown() -> None:
    def held(name: str, steps: int, number: int) -> SweepRecords:
        params = {"training.max_steps": steps, "lora.r": 8, "lora.realised_gain": float(steps), "executor.name": name}
        return sweep(name, dataclasses.replace(trial(number), params=params, swept=("lora.r",)))

    found = merged([held("a", 100, 0), held("b", 200, 1)])
    assert [row.swept for row in found.trials] == [("lora.r", "training.max_steps")] * 2
