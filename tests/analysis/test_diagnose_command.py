"""`lora-report diagnose`, on other people's runs and on a sweep that was replayed."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from shell import Shell

from analysis.curve import Curve
from analysis.diagnosis_page import diagnosed, to_json, to_markdown
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
    return diagnosed(RecordedRun(name, CURVE, PARAMS, place), lambda curve: list(verdicts))


def test_a_page_says_what_how_sure_since_when_and_what_to_type() -> None:
    lines = to_markdown([found(SHAKY)]).splitlines()
    assert lines[0] == r"# a_\*run\*"
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


def test_json_is_json_whatever_was_measured() -> None:
    run = json.loads(to_json([found(SHAKY)], "mine"))["runs"][0]
    assert run["outcome"] == "diverged" and run["verdicts"][0]["step"] == 40
    assert run["verdicts"][0]["remedies"][1]["override"] == "training.learning_rate=1e-4"
    assert run["criteria"][0] == {
        "name": "loss drop",
        "level": "minimum",
        "value": None,
        "wanted": "> 0.5",
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
    for r, low in ((4, 2.79), (8, 1.0)):
        for step in range(20, 201, 20):
            loss = low + (2.8 - low) * math.exp(-step / 40)
            rows.append(f"{r},{step},{loss},{loss + 0.1},0.5")
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
    with pytest.raises(ReportError, match="no run, trial or sweep 'it's \"mine\"'"):
        find(client, "lora-sweeper", 'it\'s "mine"')
    with pytest.raises(ReportError, match="no sweep 'theirs'; there are: mine"):
        find(client, "lora-sweeper", BEST, "theirs")


def test_the_command_tells_a_sweep_and_a_file(swept: Shell) -> None:
    page = swept.report("diagnose")
    assert page.returncode == 0 and f"## {BEST}, the winner" in page.stdout, page.stderr
    rows = [line for line in page.stdout.splitlines() if line.startswith("| ") and "_linear_" in line]
    assert "learning" in rows[0] and "no meaningful learning" in rows[1]
    done = swept.report("diagnose", "state.json", "--format", "json", "--output", "told.json")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    (run,) = json.loads((swept.folder / "told.json").read_text())["runs"]
    assert {"dead_gradient", "no_meaningful_learning"} & {item["name"] for item in run["verdicts"]}


def test_a_file_needs_no_store_and_wins_over_a_sweep_of_its_name(swept: Shell, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("{}")
    uri = f"sqlite:///{swept.folder / 'mlflow.db'}"
    done = Shell(tmp_path).report("diagnose", "mine", "--tracking-uri", uri)
    assert done.returncode == 1 and "mine has no log_history" in done.stderr and "Traceback" not in done.stderr


def test_an_unknown_name_is_one_line(swept: Shell) -> None:
    done = swept.report("diagnose", "\x1b[31mmin" + "x" * 300)
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1
    assert "\x1b" not in done.stderr and "nearest: " in done.stderr
