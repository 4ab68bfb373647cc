"""Imported runs are a sweep in MLflow, whole or not at all, for every command that reads one."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from analysis import tracking
from analysis.cli import main
from analysis.imports import writing
from analysis.recording import read
from analysis.records import ORIGIN

TABLE = """Experiment,Val Loss,r,Alpha,lora_dropout,Scheduler,Data,Epoch,Notes
exp3_r24_a64_d10_linear_augmented,1.474,24,64,0.10,Linear,Augmented,1,BEST
exp3_r24_a64_d10_linear_augmented,1.2727,,,,,,15,
exp5_r32_a64_d05_linear_augmented,1.2738,32,64,0.05,Linear,Augmented,,Very close second
exp8_r32_a48_d05_linear_augmented,1.2876,32,48,0.05,Linear,Augmented,,
exp1_r16_a64_d05_cosine_augmented,1.3381,16,64,0.05,Cosine,Augmented,,
exp4_r24_a48_d05_cosine_augmented,1.3385,24,48,0.05,Cosine,Augmented,,Lower alpha
"""
"""Document 003's table, with the ends of the winner's curve."""

Report = Callable[..., str]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("imported")
    (found / "003.csv").write_text(TABLE)
    (found / "small.csv").write_text("name,eval_loss,step\na,2,1\na,1,2\nb,nan,1\n")
    return found


@pytest.fixture
def report(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Report:
    monkeypatch.chdir(folder)

    def run(*arguments: str) -> str:
        capsys.readouterr()
        main([*arguments, "--tracking-uri", f"sqlite:///{folder}/m.db"])
        return capsys.readouterr().out

    return run


@pytest.fixture
def client(folder: Path, report: Report) -> MlflowClient:
    return tracking.connect(f"sqlite:///{folder}/m.db", "lora-sweeper", folder.as_uri())[0]


def runs(client: MlflowClient, asked: str = "") -> list[Any]:
    experiment = client.get_experiment_by_name("lora-sweeper").experiment_id
    return list(client.search_runs([experiment], asked, max_results=1000))


def refusal(report: Report, *arguments: str) -> str:
    with pytest.raises(SystemExit) as left:
        report(*arguments)
    return str(left.value)


def test_the_rows_of_document_003_are_its_ranking(report: Report, client: MlflowClient) -> None:
    said = report("import", "003.csv", "--sweep", "doc003")
    assert said.startswith("Sweep doc003: 5 runs (5 complete) with 2 points of curves.")
    assert "lora-report leaderboard doc003 --tracking-uri" in said and "Steps are not known (of 1 of 5)" in said
    rows = json.loads(report("leaderboard", "doc003", "--format", "json"))["rows"]
    names = dict.fromkeys(line.partition(",")[0] for line in TABLE.splitlines()[1:])
    assert [row["name"] for row in rows] == list(names) and [row["place"] for row in rows] == [1, 2, 3, 4, 5]
    assert [row["eval_loss"] for row in rows] == [1.2727, 1.2738, 1.2876, 1.3381, 1.3385]
    assert [round(row["lora.realised_gain"], 2) for row in rows] == [2.67, 2.0, 1.5, 4.0, 2.0]
    assert (rows[0]["epoch"], rows[0]["data.name"], rows[0]["lora.dropout"]) == (15, "Augmented", 0.1)
    assert "13.66 % better" in report("diagnose", "doc003")


def test_it_is_recorded_as_sweeps_are(report: Report, client: MlflowClient) -> None:
    report("import", "003.csv", "--sweep", "tagged")
    sweep = read(client, "lora-sweeper", "tagged")
    first = sweep.records.trials[0]
    assert (sweep.tags[ORIGIN], sweep.tags["metric"], sweep.tags["direction"]) == ("003.csv", "eval_loss", "minimize")
    assert first.swept == ("lora.r", "lora.alpha", "lora.dropout", "training.lr_scheduler_type")
    assert sweep.curve(first.trial).evals == ((1, 1.474), (2, 1.2727)) and sweep.curve(first.trial).steps is None
    (parent,) = runs(client, "tags.sweep = 'tagged'")
    assert parent.data.tags["mlflow.note.content"].startswith("# Leaderboard of tagged")
    (second,) = runs(client, f"tags.`mlflow.parentRunId` = '{parent.info.run_id}' and tags.number = '1'")
    assert second.data.tags["mlflow.note.content"] == "Very close second" and second.info.status == "FINISHED"


def test_a_leaderboard_comes_back_as_it_was(report: Report, folder: Path) -> None:
    text = TABLE.replace(",Notes", ",outcome").replace(",BEST", ",complete").replace("Very close second", "")
    (folder / "with_base.csv").write_text(text.replace("Lower alpha", "") + "base,4.5,,,,,Augmented,,reference\n")
    report("import", "with_base.csv", "--sweep", "first")
    for sweep in ("first", "second"):
        report("leaderboard", sweep, "--format", "csv", "--output", f"{sweep}.csv")
        if sweep == "first":
            report("import", "first.csv", "--sweep", "second")
    read_again = [list(csv.DictReader((folder / name).open())) for name in ("first.csv", "second.csv")]
    lost = {"reason", "verdicts"}  # where it is from, and what its curve showed
    without = [[{key: row[key] for key in row if key not in lost} for row in rows] for rows in read_again]
    assert without[0] == without[1] and read_again[0][-1]["outcome"] == "reference"


def test_a_sweep_is_replaced_only_when_asked_and_only_an_imported_one(report: Report, client: MlflowClient) -> None:
    report("import", "small.csv", "--sweep", "mine")
    before = {run.info.run_id for run in runs(client)}
    said = refusal(report, "import", "003.csv", "--sweep", "mine")
    assert "sweep mine exists, imported from small.csv; take another --sweep, or add --replace" in said
    assert {run.info.run_id for run in runs(client)} == before
    said = report("import", "003.csv", "--sweep", "mine", "--replace")
    assert "3 runs in MLflow's trash" in said and len(read(client, "lora-sweeper", "mine").records.trials) == 5
    (parent,) = runs(client, "tags.sweep = 'mine'")
    client.delete_tag(parent.info.run_id, ORIGIN)  # as if lora-sweep had recorded it
    said = refusal(report, "import", "small.csv", "--sweep", "mine", "--replace")
    assert "was recorded by lora-sweep, and is never replaced" in said


def test_an_interrupted_import_leaves_no_sweep(
    report: Report, client: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    report("import", "small.csv", "--sweep", "before-it")
    write, written = writing._write, []

    def dying(*arguments: Any) -> None:
        if len(written) == 3:
            raise KeyboardInterrupt
        written.append(write(*arguments))

    monkeypatch.setattr(writing, "_write", dying)
    with pytest.raises(KeyboardInterrupt):
        report("import", "003.csv", "--sweep", "half")
    monkeypatch.undo()
    assert "there is no sweep 'half'" in refusal(report, "leaderboard", "half")
    report("import", str(Path(client.tracking_uri.removeprefix("sqlite:///")).with_name("003.csv")), "--sweep", "half")
    (parent,) = runs(client, "tags.sweep = 'half'")  # what was left is in the trash
    assert len(runs(client, f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'")) == 5


def test_nothing_is_made_for_files_that_are_wrong(
    report: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match="No such file"):
        main(["import", "no.csv", "--sweep", "x", "--tracking-uri", "sqlite:///new.db"])
    with pytest.raises(SystemExit, match="a sweep's name has letters"):
        main(["import", "no.csv", "--sweep", "a/b", "--tracking-uri", "sqlite:///new.db"])
    with pytest.raises(SystemExit, match="add --direction minimize or maximize"):
        main(["import", "no.csv", "--sweep", "x", "--metric", "eval_f1", "--tracking-uri", "sqlite:///new.db"])
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "t.csv").write_text(TABLE)
    with pytest.raises(SystemExit, match="is no SQLite database"):
        main(["import", "t.csv", "--sweep", "x", "--tracking-uri", "sqlite:///t.csv"])


def test_sweeps_are_ranked_together_once_it_is_stated_that_they_may_be(report: Report, client: MlflowClient) -> None:
    report("import", "003.csv", "--sweep", "here")
    report("import", "small.csv", "--sweep", "there", "--data-fingerprint", "abc", "--tokenizer-fingerprint", "t")
    said = refusal(report, "leaderboard", "here", "there")
    assert "the rows that evaluate: here (not known), there (abc)" in said
    remedy = "lora-report import … --sweep here --replace --data-fingerprint 'abc' --tokenizer-fingerprint 't'"
    assert remedy in said and "lora-report compare here there" in said
    stated = ("--data-fingerprint", "abc", "--tokenizer-fingerprint", "t")
    report("import", "003.csv", "--sweep", "here", "--replace", *stated)
    report("import", "003.csv", "--sweep", "copy", *stated)
    rows = json.loads(report("leaderboard", "here", "there", "copy", "--format", "json"))["rows"]
    assert [row["sweep"] for row in rows] == ["there", *["here"] * 5, "there"]  # b failed; no trial is there twice
    assert "| Place | Sweep |" in report("leaderboard", "here", "there")
    assert "They can be ranked together" in report("compare", "here", "there")
    assert "it takes two sweeps to compare" in refusal(report, "compare", "here", "here")
