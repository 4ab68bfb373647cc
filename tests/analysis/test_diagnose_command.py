"""`lora-report diagnose`, on other people's runs and on a sweep that was replayed."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from shell import Shell

from analysis.cli import main
from analysis.criteria import judged
from analysis.curve import Curve
from analysis.diagnosis_page import advised, to_json, to_markdown
from analysis.recorded_run import RecordedRun
from analysis.report_error import ReportError
from analysis.run_curves import find, planned_steps
from analysis.store import open_store
from analysis.verdict import Verdict

SHAKY = Verdict("diverged", 0.9, "the loss is <nan> from step 40 on", 40)
CROWDED = Verdict("oscillating", 0.55, "it swings")
CURVE = Curve(losses=((10, 2.0), (20, math.nan)), outcome="diverged")
PARAMS = {"training.learning_rate": 2e-4, "lora.r": 8, "lora.alpha": 16}


def found(*verdicts: Verdict, name: str = "a_*run*", place: int | None = None) -> Any:
    return advised(RecordedRun(name, CURVE, PARAMS, place), verdicts, judged(CURVE))


def test_a_page_says_what_how_sure_since_when_and_what_to_type() -> None:
    lines = to_markdown([found(SHAKY)]).splitlines()
    assert lines[0] == r"# a\_\*run\*"
    assert lines[2] == r"**diverged** (strength 0.90, from step 40): the loss is \<nan\> from step 40 on"
    typed = "2. training.learning_rate: 2e-4 → 1e-4: `training.learning_rate=1e-4` (001, learning_rate: too high)"
    assert typed in lines
    assert any(line.startswith("| loss drop ") and "not met" in line for line in lines)


def test_what_was_advised_is_not_advised_again() -> None:
    (_, first), (_, second) = found(SHAKY, CROWDED).verdicts
    assert first and not set(first) & set(second)


def test_a_sweep_is_a_table_and_its_winner() -> None:
    items = [found(SHAKY, CROWDED, name="best", place=1), found(name="worse", place=2)]
    page = to_markdown(items, "mine")
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in page.splitlines() if line.startswith("| ")]
    assert cells[2:4] == [
        ["1", "best", "diverged", "0.90", "40", "oscillating", "diverged"],
        ["2", "worse", "nothing to say", "", "", "", "diverged"],
    ]
    assert "## best, the winner" in page and "## worse" not in page
    assert "## worse" in to_markdown(items, "mine", every=True)


def test_the_table_shows_what_names_do_not_tell() -> None:
    swept = ("lora.r", "training.seed")
    runs = [RecordedRun(f"exp{seed}", CURVE, {**PARAMS, "training.seed": seed}, seed, swept) for seed in (1, 2)]
    head, _, *rows = to_markdown([advised(run, [SHAKY], []) for run in runs], "mine").splitlines()[2:6]
    assert [cell.strip() for cell in head.split("|")[1:4]] == ["Place", "Trial", "training.seed"]
    assert [[cell.strip() for cell in row.split("|")[1:4]] for row in rows] == [["1", "exp1", "1"], ["2", "exp2", "2"]]


def test_json_is_json_whatever_was_measured() -> None:
    run = json.loads(to_json([found(SHAKY)], "mine"))["runs"][0]
    assert run["outcome"] == "diverged" and run["verdicts"][0]["step"] == 40
    assert run["verdicts"][0]["remedies"][1]["override"] == "training.learning_rate=1e-4"
    assert run["criteria"][0] == {
        "name": "loss drop",
        "level": "minimum",
        "value": None,
        "wanted": "above 0.5",
        "met": False,
    }


@pytest.mark.parametrize(
    ("params", "metrics", "outcome", "steps"),
    [
        ({"training.max_steps": 200, "training.stop_at": 0.126}, {}, "complete", 26),
        ({"training.max_steps": 200, "training.stop_at": 50}, {"steps": 50}, "complete", 50),
        ({"training.max_steps": -1}, {"steps": 120.0}, "complete", 120),
        ({"training.max_steps": -1}, {"steps": 120.0}, "pruned", None),
        ({"training.max_steps": -1, "training.early_stopping_patience": 3}, {"steps": 120.0}, "complete", None),
        ({}, {}, "complete", None),
    ],
)
def test_planned_steps_are_what_the_run_was_to_have(
    params: dict[str, Any], metrics: dict[str, float], outcome: str, steps: int | None
) -> None:
    assert planned_steps(params, metrics, outcome) == steps


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """A sweep of two trials: rank 4 learns nothing, rank 8 does."""
    shell = Shell(tmp_path_factory.mktemp("swept"))
    rows = ["lora.r,step,loss,eval_loss,grad_norm"]
    for step in range(20, 201, 20):
        flat, falling = 2.8 - step / 20_000, 1 + 1.8 * math.exp(-step / 40)
        rows += [f"{r},{step},{loss},{loss + 0.1},0.5" for r, loss in ((4, flat), (8, falling))]
    (shell.folder / "t.csv").write_text("\n".join(rows) + "\n")
    arguments = ("trainer=replay", "replay.table=t.csv", "sweep.name=mine", "executor=inline", "lora.r=4,8")
    done = shell.sweep("-m", *arguments)
    assert done.returncode == 0, done.stderr
    (shell.folder / "state.json").write_text(
        json.dumps(
            {"max_steps": 500, "log_history": [{"step": step, "loss": 2.7, "grad_norm": 0.0} for step in range(500)]}
        )
    )
    return shell


BEST = "exp2_r8_a16_d05_linear_emotion"


def test_runs_are_found_by_whatever_they_are_called(swept: Shell) -> None:
    client = open_store(f"sqlite:///{swept.folder / 'mlflow.db'}")
    whole = find(client, "lora-sweeper", None)
    assert whole == find(client, "lora-sweeper", "mine") and whole.sweep == "mine"
    assert [(run.name, run.place) for run in whole.runs] == [(BEST, 1), ("exp1_r4_a8_d05_linear_emotion", 2)]
    best = whole.runs[0]
    assert len(best.curve.losses) == len(best.curve.evals) == 10 and best.curve.losses[0][0] == 20
    assert best.curve.measured == {} and best.curve.steps == 200 and best.params["lora.r"] == 8
    named = find(client, "lora-sweeper", BEST)
    assert named.sweep is None and named.runs[0].curve == best.curve
    assert find(client, "lora-sweeper", BEST, "mine") == named
    kept = next(run for run in client.search_runs(["1"]) if run.info.run_name == BEST)
    for called in (kept.info.run_id, kept.data.tags["trial"]):
        assert find(client, "lora-sweeper", called) == named
    with pytest.raises(ReportError, match=f"no run, trial or sweep 'exp2_r8'.* nearest: {BEST}"):
        find(client, "lora-sweeper", "exp2_r8")
    with pytest.raises(ReportError, match=r"sweep .it.*mine"):
        find(client, "lora-sweeper", 'it\'s "mine"')
    with pytest.raises(ReportError, match=f"no trial 'exp2_r8' in sweep 'mine'; nearest: {BEST}"):
        find(client, "lora-sweeper", "exp2_r8", "mine")
    with pytest.raises(ReportError, match="no sweep 'theirs'; there are: mine"):
        find(client, "lora-sweeper", BEST, "theirs")


@pytest.fixture
def report(swept: Shell, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Runs the command in the sweep's folder and returns what it says, in the end to the exit code 1."""
    monkeypatch.chdir(swept.folder)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setattr(sys, "stderr", sys.stderr)  # the command wraps it

    def run(*arguments: str) -> str:
        try:
            main(["diagnose", *arguments])
        except SystemExit as left:
            assert isinstance(left.code, str)  # the message, which makes it 1
            return left.code
        return capsys.readouterr().out

    return run


def test_the_command_tells_a_sweep_and_a_file(swept: Shell, report: Callable[..., str]) -> None:
    page = report()
    assert f"## {BEST}, the winner" in page
    rows = [line for line in page.splitlines() if line.startswith("| ") and "_linear_" in line]
    assert "learning" in rows[0] and "no meaningful learning" in rows[1]
    assert report("state.json", "--format", "json", "--output", "told.json") == ""
    (run,) = json.loads((swept.folder / "told.json").read_text())["runs"]
    assert {"dead_gradient", "no_meaningful_learning"} <= {item["name"] for item in run["verdicts"]}


def test_a_file_wins_over_a_sweep_of_its_name(swept: Shell, report: Callable[..., str]) -> None:
    (swept.folder / "mine").write_text("{}")
    assert "mine has no log_history" in report("mine")
    (swept.folder / "mine").unlink()


def test_an_unknown_name_is_one_line(report: Callable[..., str]) -> None:
    said = report("\x1b[31mmin" + "x" * 300)
    assert "\x1b" not in said and "\n" not in said and "nearest: " in said


def test_without_a_store_nothing_is_made(tmp_path: Path, report: Callable[..., str]) -> None:
    assert "run a sweep here first" in report("--tracking-uri", f"sqlite:///{tmp_path}/no.db")
    assert list(tmp_path.iterdir()) == []
    assert "outputs is no file or folder here" in report("outputs", "--tracking-uri", f"sqlite:///{tmp_path}/no.db")
