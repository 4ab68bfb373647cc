"""Runs of transformers' and TRL's Trainers, wherever below a path they are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from analysis.imports.found import Imported, read
from analysis.report_error import ReportError


def written(folder: Path, step: int, loss: float = 1.5, **state: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    log = [{"step": step, "loss": 2.0}, {"step": step, "eval_loss": loss}]
    (folder / "trainer_state.json").write_text(
        json.dumps({"global_step": step, "max_steps": 20, "log_history": log, **state})
    )
    return folder


def imported(*paths: Path) -> Imported:
    return read(paths, "eval_loss", "minimize")


def test_each_run_once_by_its_newest_checkpoint(tmp_path: Path) -> None:
    for step in (10, 20):
        last = written(tmp_path / "all" / "one" / f"checkpoint-{step}", step)
    written(tmp_path / "all" / "deeper" / "two", 20)
    (last / "adapter_config.json").write_text(
        json.dumps({"r": 8, "lora_alpha": 32, "base_model_name_or_path": "some/model"})
    )
    again = (tmp_path / "all" / "one", tmp_path / "all" / "one" / "checkpoint-10", tmp_path / "all/deeper/two")
    two, one = imported(tmp_path / "all", *again).runs
    assert (one.name, two.name) == ("one", "two") and one.stated == {"steps": 20, "planned_steps": 20}
    assert one.points == {"loss": ((20, 2.0),), "eval_loss": ((20, 1.5),)}
    assert one.params["lora.realised_gain"] == 4.0 and one.params["model.path"] == "some/model"


def test_folders_of_one_name_are_told_apart(tmp_path: Path) -> None:
    for name in ("a", "b"):
        written(tmp_path / name / "out", 20)
    assert [run.name for run in imported(tmp_path).runs] == ["a/out", "b/out"]


def test_what_a_run_took_and_how_it_ended(tmp_path: Path) -> None:
    stopped = {"TrainerControl": {"args": {"should_training_stop": True}}}
    written(tmp_path / "patient", 10, stateful_callbacks=stopped)
    written(tmp_path / "killed", 10)
    log = [{"step": 10, "eval_loss": 1.0}, {"step": 10, "train_runtime": 60.5}]
    written(tmp_path / "summed", 10, log_history=log)
    found = {run.name: run for run in imported(tmp_path).runs}
    assert {name: run.outcome for name, run in found.items()} == {
        "patient": "complete", "killed": "interrupted", "summed": "complete"
    }  # fmt: skip
    assert found["summed"].stated["seconds"] == 60.5


def test_a_table_tells_what_a_trainer_does_not(tmp_path: Path) -> None:
    written(tmp_path / "runs" / "one", 20)
    table = tmp_path / "more.csv"
    table.write_text("name,lr,notes\none,1e-4,the first\n")
    (run,) = imported(table, tmp_path / "runs").runs
    assert (run.params["training.learning_rate"], run.params["training.max_steps"], run.notes) == (
        1e-4,
        20,
        "the first",
    )
    table.write_text("name,training.max_steps\none,30\n")
    with pytest.raises(ReportError, match=r"more.csv:2: training.max_steps=30: .*trainer_state.json says 20"):
        imported(table, tmp_path / "runs")


def test_all_that_cannot_be_read_is_said_at_once(tmp_path: Path) -> None:
    written(tmp_path / "runs" / "good", 20)
    written(tmp_path / "runs" / "silent", 20, log_history=[])
    (written(tmp_path / "runs" / "torn", 20) / "trainer_state.json").write_text("{")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ReportError) as error:
        imported(tmp_path / "runs", tmp_path / "empty", tmp_path / "nowhere", tmp_path / "no.csv")
    said = str(error.value)
    assert said.startswith("nothing was imported: 5 problems")
    for words in ("logged nothing yet", "is not the JSON", "holds no trainer_state.json", "is no file or folder"):
        assert words in said
