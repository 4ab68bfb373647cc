"""Which metric a sweep may rank by: all that its rows can be measured by, each with its direction."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from analysis.metric_directions import MAXIMIZED, MINIMIZED, direction
from sweeper import files
from sweeper.settings import GENERATED, LABELLED, MEASURED, Sweep
from sweeper.validation import Problem
from trainers.trial import Data, Lora, Model, Quantization, Training, TrialConfig

ROWS = {
    "labels": [{"text": f"t{n}", "label": ("sad", "a/b")[n % 2]} for n in range(8)],
    "many": [{"text": f"t{n}", "label": f"l{n % 40}"} for n in range(160)],
    "prompts": [{"prompt": f"p{n}", "completion": "c"} for n in range(8)],
    "texts": [{"text": f"t{n}"} for n in range(8)],
}


@pytest.fixture
def problems(tmp_path: Path) -> Any:
    def found(rows: str, metric: str, **changes: Any) -> list[Problem]:
        path = tmp_path / f"{rows}.jsonl"
        path.write_text("\n".join(map(json.dumps, ROWS[rows])))
        data = Data(rows, str(path), validation_fraction=0.3, **changes)
        return files.problems(TrialConfig(Model("m", "o/m"), Quantization(), Lora(8, 16), data, Training(1e-3)), metric)

    return found


@pytest.mark.parametrize(
    ("rows", "metrics"),
    [
        ("labels", ["eval_loss", *LABELLED, "eval_f1/sad", "eval_recall/a_b"]),
        ("many", ["eval_ece"]),
        ("prompts", ["perplexity", *GENERATED]),
        ("texts", ["eval_loss", "token_accuracy"]),
    ],
)
def test_what_rows_can_be_measured_by_is_taken(problems: Any, rows: str, metrics: list[str]) -> None:
    assert not [
        problem for metric in metrics for problem in problems(rows, metric, generated_rows=3 * (rows != "texts"))
    ]


@pytest.mark.parametrize(
    ("rows", "metric", "changes", "wanted"),
    [
        ("prompts", "eval_ece", {}, ("sweep.metric", "holds no labels to predict", "sweep.metric=eval_loss")),
        ("texts", "eval_f1/sad", {}, ("sweep.metric", "holds no labels to predict", "sweep.metric=eval_loss")),
        (
            "labels",
            "eval_rougeL",
            {},
            ("sweep.metric", "eval_generated_macro_f1 measures", "sweep.metric=eval_macro_f1"),
        ),
        ("texts", "eval_rougeL", {}, ("sweep.metric", "are texts without one", "sweep.metric=eval_loss")),
        ("texts", "eval_loss", {"generated_rows": 5}, ("data.generated_rows", "without one", "data.generated_rows=0")),
        ("prompts", "eval_rouge1", {}, ("data.generated_rows", "measures answers", "data.generated_rows=auto")),
        ("labels", "eval_f1/sat", {}, ("sweep.metric", "the labels are a_b, sad", "sweep.metric=eval_f1/sad")),
        ("many", "eval_f1/l1", {}, ("sweep.metric", "of the 40 labels", "sweep.metric=eval_macro_f1")),
    ],
)
def test_what_they_cannot_be_measured_by_is_a_problem(
    problems: Any, rows: str, metric: str, changes: dict[str, Any], wanted: tuple[str, str, str]
) -> None:
    (found,) = problems(rows, metric, **changes)
    key, rule, remedy = wanted
    assert (found.key, found.remedy) == (key, remedy) and rule in found.rule


def test_every_metric_has_a_direction_but_those_that_are_no_aim() -> None:
    assert {metric for metric in MEASURED if direction(metric) is None} == {"eval_confidence", "eval_predicted_share"}
    assert {*MAXIMIZED, *MINIMIZED} <= set(MEASURED) and not set(MAXIMIZED) & set(MINIMIZED)


@pytest.mark.parametrize(
    ("metric", "known"),
    [
        *(
            (metric, "minimize")
            for metric in ("eval_ece", "eval_outside_rate", "eval_outside_probability", "eval_loss")
        ),
        *((metric, "maximize") for metric in ("eval_rougeL", "eval_weighted_f1", "eval_recall/any label")),
    ],
)
def test_a_sweep_knows_which_way_is_better(metric: str, known: str) -> None:
    assert Sweep(metric=metric).resolved_direction == known
