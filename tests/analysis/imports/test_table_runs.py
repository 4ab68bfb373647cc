"""Tables as people write them, and what they become."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from analysis.imports.found import Imported, read
from analysis.imports.imported_run import ImportedRun
from analysis.imports.summary import summary
from analysis.report_error import ReportError


def imported(folder: Path, text: str | bytes, *, metric: str = "eval_loss", direction: str = "minimize") -> Imported:
    file = folder / "t.csv"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return read([file], metric, direction)


def only(folder: Path, text: str | bytes) -> ImportedRun:
    (run,) = imported(folder, text).runs
    return run


def refused(folder: Path, text: str | bytes) -> list[str]:
    with pytest.raises(ReportError) as error:
        imported(folder, text)
    return [line.strip().removeprefix(f"{folder}/") for line in str(error.value).splitlines()]


def test_a_row_is_a_run_with_the_best_of_each_metric(tmp_path: Path) -> None:
    run = only(tmp_path, "name,lora.r,lora.alpha,eval_loss,eval_accuracy,seconds\nmine,24,64,1.2727,0.5,60\n")
    assert run.name == "mine" and run.source.endswith("t.csv:2") and run.points == {}
    assert run.params == {"lora.r": 24, "lora.alpha": 64, "lora.realised_gain": 64 / 24}
    assert summary(run, "eval_loss", "minimize") == {"best_eval_loss": 1.2727, "best_eval_accuracy": 0.5, "seconds": 60}


def test_rows_of_one_name_are_its_curve_and_say_its_parameters_once(tmp_path: Path) -> None:
    run = only(tmp_path, "name,step,lora.r,eval_loss,loss\na,10,8,3,4\na,30,,2.5,2\na,20,,2,\na,15,,,1\n")
    assert run.params == {"lora.r": 8} and run.points["eval_loss"] == ((10, 3.0), (20, 2.0), (30, 2.5))
    assert run.points["loss"] == ((10, 4.0), (15, 1.0), (30, 2.0))
    assert summary(run, "eval_loss", "minimize") == {
        "best_eval_loss": 2.0, "best_step": 20, "final_eval_loss": 2.5, "steps": 30
    }  # fmt: skip


def test_epochs_are_no_steps(tmp_path: Path) -> None:
    run = only(tmp_path, "name,epoch,eval_loss\na,15,1.2727\na,1,1.474\na,0.5,2\n")
    assert run.by_epoch and run.points["eval_loss"] == ((1, 2.0), (2, 1.474), (3, 1.2727))
    assert run.points["epoch"] == ((1, 0.5), (2, 1.0), (3, 15.0))
    found = summary(run, "eval_loss", "minimize")
    assert found == {"best_eval_loss": 1.2727, "best_epoch": 15, "final_eval_loss": 1.2727}


def test_a_run_may_state_its_best_beside_a_few_points_of_its_curve(tmp_path: Path) -> None:
    run = only(tmp_path, "name,step,eval_loss,best_val_loss\na,10,3,\na,90,2,1.5\n")
    found = summary(run, "eval_loss", "minimize")
    assert found == {"best_eval_loss": 1.5, "final_eval_loss": 2.0, "steps": 90}


def test_a_stated_best_that_a_point_exceeds_is_a_contradiction(tmp_path: Path) -> None:
    (_, line) = refused(tmp_path, "name,step,eval_loss,best_val_loss\na,10,3,\na,90,2,2.5\n")
    assert line.startswith("t.csv:2: best_eval_loss=2.5: the curve of a has 2, which is better")


def test_names_with_different_seeds_are_different_runs(tmp_path: Path) -> None:
    runs = imported(tmp_path, "name,seed,eval_loss\na,1,2.0\na,2,2.1\n").runs
    assert [(run.name, run.params) for run in runs] == [("a", {"training.seed": 1}), ("a", {"training.seed": 2})]


def test_what_people_call_parameters_is_understood_and_said(tmp_path: Path) -> None:
    header = "Experiment,Val Loss,r,lora_alpha,lora_dropout,Scheduler,augmented,lr,rslora"
    text = f"{header}\nx,1.5,16,32,0.10,Linear,yes,2e-4,no\n"
    found = imported(tmp_path, text)
    assert found.runs[0].params == {
        "lora.r": 16,
        "lora.alpha": 32,
        "lora.dropout": 0.1,
        "training.lr_scheduler_type": "linear",
        "data.augmentation": "augmented",
        "training.learning_rate": 2e-4,
        "lora.use_rslora": False,
        "lora.realised_gain": 2.0,
    }
    assert "Val Loss -> eval_loss" in found.notes[0] and "Scheduler -> training.lr_scheduler_type" in found.notes[0]


@pytest.mark.parametrize(
    "text",
    [
        b'\xef\xbb\xbfname;eval_loss;lora.dropout\r\n"a;b";1,5;0,05\r\n;;\r\n',
        "sep=;\nname;eval_loss;lora.dropout;\na;1,5;0,05;\n",
        "name\teval_loss\tlora.dropout\na\t1.5\t0.05\n".encode("utf-16"),
        'name, eval_loss, lora.dropout\n"a", 1.5, 5e-2\n',
    ],
)
def test_tables_as_spreadsheets_write_them(tmp_path: Path, text: str | bytes) -> None:
    run = only(tmp_path, text)
    assert (run.stated["best_eval_loss"], run.params["lora.dropout"]) == (1.5, 0.05)


def test_alpha_follows_from_a_gain(tmp_path: Path) -> None:
    run = only(tmp_path, "name,r,gain,use_rslora,eval_loss\na,16,2,true,1\n")
    assert (run.params["lora.alpha"], run.params["lora.realised_gain"]) == (8, 2.0)
    line = refused(tmp_path, "name,r,gain,alpha,eval_loss\na,16,2,64,1\n")[1]
    assert line.startswith("t.csv:2: lora.gain=2.0: gain 2 at rank 16 means alpha 32, and lora.alpha is 64")


def test_a_run_without_a_finite_value_has_failed(tmp_path: Path) -> None:
    runs = imported(tmp_path, "name,eval_loss,outcome\na,nan,\nb,1,\nc,,pruned\nd,inf,\n").runs
    assert [run.outcome for run in runs] == ["failed", "complete", "pruned", "failed"]
    assert runs[0].reason.startswith("no finite eval_loss in ") and math.isnan(runs[0].stated["best_eval_loss"])


def test_everything_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    text = (
        "name,lora.r,setup,step,eval_loss,seconds\n"
        'a,24,x,1,1.27,60\na,32,x,2,1.27 nats,70\nb,x,x,1.5,"1,234",\n,8,x,1,1,1\nc,8,x\nd,8,x,1,1,\nd,,x,1,2,\n'
    )
    lines = refused(tmp_path, text)
    assert lines[0] == "nothing was imported: 10 problems"
    starts = [
        "t.csv:1: setup: is no column that is known, and holds text (x)",
        "t.csv:3: lora.r=32: line 2 says 24 of the same run",
        "t.csv:3: seconds=70: line 2 says 60 of the same run",
        "t.csv:3: eval_loss=1.27 nats: is a number like 1234.5",
        "t.csv:4: lora.r=x: lora.r is a whole number",
        "t.csv:4: eval_loss=1,234: is a number like 1234.5",
        "t.csv:4: step=1.5: is a whole number",
        "t.csv:5: name: the row has no name",
        "t.csv:6: row: has 3 cells, the header 6",
        "t.csv:8: eval_loss=2: line 7 says 1 of the same step",
    ]
    assert [start for start in starts if not any(line.startswith(start) for line in lines)] == []
    assert all(": " in line and "; " in line for line in lines[1:])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name,eval_loss,shedule\na,1,linear\n", "call it training.lr_scheduler_type if that is meant"),
        ("name,eval_loss,LoRA Config\na,1,r=24\n", "give lora.r, lora.alpha and lora.dropout a column each"),
        (
            "name,eval_loss,optim.lr\na,1,2\n",
            "begins with is one of model, quantization, lora, data, training, trainer",
        ),
        ("name,eval_loss,r,lora_r\na,1,2,2\n", "2 columns mean lora.r: r, lora_r; keep one of them"),
        ("Rank,name,eval_loss\n1,a,1\n2,b,2\n", "it may be a place, or the adapter's rank; call it lora.r"),
        ("name,eval_loss\na,1\na,2\n", "is the name of line 2 as well; add a column step or epoch"),
        ("name,epoch,eval_loss\na,1,1\na,,2\n", "other rows of this run have their epoch"),
        ("name,eval_loss,outcome\na,1,great\n", "is one of complete, pruned"),
        ("name;eval_loss;seconds\na;1,5;1.5\n", "a decimal comma only in a file with semicolons"),
        ("eval_loss\n1\n", "separated by commas, semicolons or tabs, and it has none"),
        ("r,eval_loss\n8,1\n", "has no column name"),
        ("name,eval_loss\n", "has no row below its header"),
        (b"name,eval_loss\n\xff,1\n", "t.csv:2: file: is no UTF-8 text; save it as CSV UTF-8"),
        ('name,eval_loss\n"a,1\n', "t.csv:2: row: unexpected end of data"),
        ("name,eval_accuracy\na,1\n", "no run has --metric eval_loss; there are: eval_accuracy"),
        ("name,eval_loss,lora.r (rank)\na,1,8\n", "as a name; call it lora.r_rank"),
        (",name,eval_loss\n0,a,1\n", "to_csv(…, index=False)"),
    ],
)
def test_nothing_is_guessed(tmp_path: Path, text: str | bytes, words: str) -> None:
    assert words in "\n".join(refused(tmp_path, text))


def test_any_metric_may_rank(tmp_path: Path) -> None:
    (run,) = imported(tmp_path, "name,step,loss,f1\na,1,3,0.2\na,2,2,0.4\n", metric="f1", direction="maximize").runs
    assert summary(run, "f1", "maximize")["best_step"] == 2 and summary(run, "loss", "minimize")["best_loss"] == 2.0
