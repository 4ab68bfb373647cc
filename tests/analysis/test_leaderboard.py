"""The ranking and its three forms."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import math
from typing import Any

import pytest

from analysis.leaderboard import rank
from analysis.leaderboard_records import to_csv, to_json
from analysis.leaderboard_table import to_markdown, to_text
from analysis.markdown import escape, table
from analysis.naming import trial_name
from analysis.records import SweepRecords, TrialRow, parse


def row(number: int, loss: float | None, outcome: str = "complete", reference: bool = False, **params: Any) -> TrialRow:
    r = params.pop("r", 8)
    defaults: dict[str, Any] = {
        "lora.r": r,
        "lora.alpha": 2 * r,
        "lora.gain": 2.0,
        "lora.realised_gain": 2.0,
        "lora.dropout": 0.05,
        "lora.use_rslora": False,
        "training.learning_rate": 2e-4,
        "training.lr_scheduler_type": "linear",
        "training.seed": 42,
        "data.name": "emotion",
        "data.augmentation": "none",
        "quantization.name": "none",
        "trainer.name": "sft" if reference else "packed",
    }
    metrics = {} if loss is None else {"eval_loss": loss, "eval_macro_f1": 0.5, "best_step": 50.0}
    name = (
        "base"
        if reference
        else trial_name(number + 1, r=r, alpha=2 * r, dropout=0.05, scheduler="linear", data="emotion")
    )
    return TrialRow(
        number=number,
        name=name,
        outcome=outcome,
        reason="because of | pipes" if outcome != "complete" else "all done",
        is_reference=reference,
        params={**defaults, **params},
        metrics={**metrics, "steps": 100.0, "seconds": 3.25},
        swept=() if reference else ("lora.r",),
        trial=f"id{number}",
    )


ROWS = [
    row(-1, 9.0, reference=True),
    row(0, 1.5),
    row(1, 1.25, r=16),
    row(2, None, "failed"),
    row(3, 0.5, "pruned"),
    row(4, math.nan, "diverged"),
    row(5, 1.25, r=32),
]
RECORDS = SweepRecords("s", "eval_loss", "minimize", ROWS)


def test_only_complete_trials_take_places_equals_share_one() -> None:
    board = rank(RECORDS)
    assert [(item.place, item.trial.number) for item in board.rows] == [
        (1, 1), (1, 5), (3, 0), (None, -1), (None, 2), (None, 3), (None, 4)
    ]  # fmt: skip


def test_larger_is_better_when_the_sweep_says_so() -> None:
    board = rank(SweepRecords("s", "eval_loss", "maximize", ROWS))
    assert [item.trial.number for item in board.rows if item.place] == [0, 1, 5]


def test_markdown_is_a_table_with_the_rest_counted_under_it() -> None:
    text = to_markdown(rank(RECORDS))
    lines = text.splitlines()
    assert lines[0] == "# Leaderboard of s"
    header = [cell.strip() for cell in lines[2].split("|")[1:-1]]
    assert header == [
        *("Place", "Trial", "Best eval_loss", "LoRA", "Gain", "Learning rate"),
        *("Scheduler", "Data", "Trainer", "Steps", "Seconds", "Outcome"),
    ]
    first = [cell.strip() for cell in lines[4].split("|")[1:-1]]
    assert first == [
        *("1", "exp2_r16_a32_d05_linear_emotion", "1.2500", "r=16, alpha=32, dropout=0.05", "2", "0.0002"),
        *("linear", "emotion", "packed", "100", "3.2", "complete"),
    ]
    assert len({line.count("|") for line in lines[2:8]}) == 1
    assert "base" in lines[7] and "untrained" in lines[7] and lines[7].startswith("|       |")
    assert "Trials: 3 complete, 1 diverged, 1 failed, 1 pruned." in text
    assert "- exp3_r8_a16_d05_linear_emotion: failed, because of \\| pipes" in text


def test_top_keeps_references_failures_and_counts() -> None:
    board = rank(RECORDS).top(1)
    assert [item.place for item in board.rows] == [1, None, None, None]
    assert "pruned" not in {item.trial.outcome for item in board.rows}
    assert "Trials: 3 complete, 1 diverged, 1 failed, 1 pruned." in to_markdown(board)


def seeded() -> SweepRecords:
    """Two configurations, of two seeds and of three, and a seed that failed."""
    values = {8: (1.5, 1.4), 16: (1.25, 1.2, 1.3)}
    rows = [
        dataclasses.replace(
            row(number, value, r=r, **{"training.seed": seed}), swept=("lora.r", "training.seed"), verdicts=verdicts
        )
        for number, (r, seed, value, verdicts) in enumerate(
            (r, seed, value, ("learning", "spiky") if seed else ("learning",))
            for r, each in values.items()
            for seed, value in enumerate(each)
        )
    ]
    failed = row(9, None, "failed", **{"training.seed": 2})
    return SweepRecords("s", "eval_loss", "minimize", [row(-1, 9.0, reference=True), *rows, failed])


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.split("|")[1:-1]]


def test_seeds_of_a_configuration_share_a_row() -> None:
    lines = to_markdown(rank(seeded())).splitlines()
    header, first, second = cells(lines[2]), cells(lines[4]), cells(lines[5])
    assert header[2:6] == ["Best eval_loss", "±", "Seeds", "LoRA"] and "training.seed" not in header
    assert first[:3] == ["1", "exp3_r16_a32_d05_linear_emotion", "1.2500"] and first[4] == "0, 1, 2"
    assert (second[4], first[-1], second[-1]) == ("0, 1", "spiky (2 of 3)", "spiky (1 of 2)")
    assert lines[7] == "" and "Noise from seeds: 2 to 3 seeds each" in "\n".join(lines)
    assert "Trials: 5 complete, 1 failed." in lines and any(line.startswith("- exp10_") for line in lines)


def test_a_row_per_trial_has_its_configurations_place() -> None:
    board = rank(seeded(), noise=1.0)
    assert [row.place for row in board.rows][:2] == [1, 1]
    found = [(row.place, row.trial.number) for row in board.by_trial.rows if row.place]
    assert found == [(1, 3), (1, 2), (1, 4), (1, 1), (1, 0)]
    text = to_markdown(board.by_trial)
    assert "training.seed" in text.splitlines()[2] and "Configurations 1\N{EN DASH}2: cannot be told apart" in text


def test_json_tells_seeds_ties_intervals_and_noise() -> None:
    board = json.loads(to_json(rank(seeded(), noise=1.0)))
    first = board["rows"][0]
    assert (first["eval_loss"], first["seeds"], first["tied_with"]) == (
        1.25,
        [0, 1, 2],
        ["exp1_r8_a16_d05_linear_emotion"],
    )
    assert first["low"] < 1.25 < first["high"] and len(first["trials"]) == 3
    assert board["noise"].keys() == {"known", "size", "sd", "df", "source"}
    assert (board["noise"]["known"], board["noise"]["size"]) == ("stated", 1.0)
    (same, *_) = csv.DictReader(io.StringIO(to_csv(rank(seeded(), noise=1.0))))
    assert (same["seeds"], same["tied_with"]) == ("0,1,2", "exp1_r8_a16_d05_linear_emotion")


def test_ties_are_declared_under_the_table() -> None:
    text = to_markdown(rank(RECORDS, noise=0.003))
    assert "1\N{EN DASH}2: tied within noise ±0.003 (stated)." in text and "Noise stated: ±0.003." in text
    assumed = to_text(rank(dataclasses.replace(RECORDS, noise=0.0025)))
    assert (
        "(assumed)" in assumed and "One seed each, noise assumed: sweep.noise=0.0025 of the best (±0.0031)." in assumed
    )


def test_trials_of_which_little_is_known() -> None:
    bare = [dataclasses.replace(row(number, 1.0 + number), params={}) for number in range(2)]
    known = dataclasses.replace(row(2, 3.0), params={"lora.r": 16, "lora.alpha": 64, "lora.use_rslora": True})
    board = rank(SweepRecords("s", "eval_loss", "minimize", [*bare, known]))
    lines = to_markdown(board).splitlines()
    assert cells(lines[2])[3:6] == ["LoRA", "Gain", "Steps"]  # of nobody the learning rate is known, nor the data
    assert cells(lines[4])[3:5] == [""] * 2 and cells(lines[6])[3:5] == ["r=16, alpha=64, rsLoRA", "16"]
    assert json.loads(to_json(board))["rows"][0]["lora.r"] is None and to_csv(board).count("\n") == 4


def test_json_has_a_row_for_every_trial() -> None:
    board = json.loads(to_json(rank(RECORDS)))
    assert (board["sweep"], board["metric"], len(board["rows"])) == ("s", "eval_loss", 7)
    first, base = board["rows"][0], board["rows"][3]
    assert (first["place"], first["outcome"], first["lora.r"], first["lora.alpha"]) == (1, "complete", 16, 32)
    assert (first["eval_loss"], first["eval_macro_f1"], first["best_step"]) == (1.25, 0.5, 50)
    assert (base["name"], base["place"], base["outcome"], base["lora.r"]) == ("base", None, "reference", None)
    assert (first["trainer.name"], base["trainer.name"]) == ("packed", "sft")
    unranked = {item["outcome"]: item for item in board["rows"][4:]}
    assert unranked["failed"]["eval_loss"] is None and unranked["diverged"]["eval_loss"] is None


def test_csv_has_the_same_columns() -> None:
    board = rank(RECORDS)
    rows = list(csv.DictReader(io.StringIO(to_csv(board))))
    assert list(rows[0]) == list(json.loads(to_json(board))["rows"][0])
    assert [item["place"] for item in rows] == ["1", "1", "3", "", "", "", ""]


def test_the_terminal_leaves_out_what_names_tell() -> None:
    text = to_text(rank(RECORDS))
    assert "LoRA" not in text and "exp2_r16_a32_d05_linear_emotion" in text
    assert max(map(len, text.splitlines()[:6])) <= 120


def test_what_was_swept_is_shown() -> None:
    params = {"quantization": "nf4", "lora.target_modules": ["q_proj", "v_proj"]}
    swept = dataclasses.replace(row(0, 1.0, **params), swept=("quantization", "lora.target_modules", "lora.r"))
    lines = to_markdown(rank(SweepRecords("s", "eval_loss", "minimize", [swept]))).splitlines()
    assert "| quantization | lora.target_modules |" in lines[2] and "| q_proj, v_proj " in lines[4]


def test_a_reference_that_failed_is_explained() -> None:
    text = to_markdown(
        rank(SweepRecords("s", "eval_loss", "minimize", [row(-1, None, "failed", reference=True), row(0, 1.0)]))
    )
    assert "- base: failed, because of" in text and "reference" not in text


def test_a_sweep_without_trials() -> None:
    empty = rank(SweepRecords("s", "eval_loss", "minimize", []))
    assert "No trial has completed." in to_markdown(empty) and json.loads(to_json(empty))["rows"] == []


@pytest.mark.parametrize(
    ("dropout", "scheduler", "name"),
    [
        (0.10, "linear", "exp3_r24_a64_d10_linear_augmented"),
        (0.05, "cosine", "exp3_r24_a64_d05_cosine_augmented"),
        (0.0, "linear", "exp3_r24_a64_d00_linear_augmented"),
        (0.125, "linear", "exp3_r24_a64_d12.5_linear_augmented"),
    ],
)
def test_names(dropout: float, scheduler: str, name: str) -> None:
    assert trial_name(3, r=24, alpha=64, dropout=dropout, scheduler=scheduler, data="augmented") == name


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *(("8", 8), ("0.0002", 2e-4), ("1e-05", 1e-5), ("None", None), ("True", True), ("linear", "linear")),
        *(
            ("2024_01", "2024_01"),
            ("007", "007"),
            ("9" * 400, "9" * 400),
            ("[oops", "[oops"),
            ('["q", "v"]', ["q", "v"]),
        ),
    ],
)
def test_parameters_come_back_as_they_were(text: str, value: object) -> None:
    assert parse(text) == value and type(parse(text)) is type(value)


def test_markdown_escapes_what_would_format() -> None:
    assert escape("a|b *c* _d_ e_f <g> ~h~ $i$") == "a\\|b \\*c\\* \\_d\\_ e_f \\<g\\> \\~h\\~ \\$i\\$"
    assert table([{"A": "x", "B": "1.5"}, {"A": "yy", "B": "10"}]) == [
        "| A  |   B |", "| -- | --: |", "| x  | 1.5 |", "| yy |  10 |"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("~~struck~~", r"\~\~struck\~\~"),
        ("$x$", r"\$x\$"),
        ("&lt;b&gt; &#60; R&D", r"\&lt;b\&gt; \&#60; R&D"),
        ("\u200fright to left\u061c", r"\\u200fright to left\\u061c"),
    ],
)
def test_markdown_shows_text_as_it_is(text: str, escaped: str) -> None:
    assert escape(text) == escaped
