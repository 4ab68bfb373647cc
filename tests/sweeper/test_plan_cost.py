"""What a plan says of its cost: distinct trials, steps, the time these took before, and what is measured already."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from planned import plan_of
from shell import Shell

from sweeper import step_times
from sweeper.history import Trial
from sweeper.step_times import StepTimes, rows_per_step, seconds_per_row
from trainers.trial import Data, Lora, Model, Quantization, Training, TrialConfig

REPLAYED = ("trainer=replay", "replay.table=t.csv", "executor=inline", "sweep.name=s")


def config(folder: Path, **training: Any) -> TrialConfig:
    model = Model("m", "org/m", cache_dir=str(folder))
    return TrialConfig(model, Quantization(), Lora(8, 16), Data("d", "d.jsonl"), Training(1e-3, **training))


def ended(made: TrialConfig, steps: int, seconds: float, device: str = "cpu") -> Trial:
    import dataclasses

    trial = Trial("t", 0, {}, dataclasses.asdict(made), facts={"device": device}, rungs=[(steps, {})])
    trial.seconds = seconds
    return trial


def test_a_trial_that_has_ended_is_a_measurement(tmp_path: Path) -> None:
    made = config(tmp_path, per_device_train_batch_size=4, gradient_accumulation_steps=2)
    assert seconds_per_row(made, "cpu") is None and rows_per_step(made) == 8
    StepTimes().apply({"event": "ended"}, ended(made, 100, 40.0))
    assert seconds_per_row(made, "cpu") == pytest.approx(40 / 800)
    StepTimes().apply({"event": "ended"}, ended(made, 100, 80.0))  # the latest counts
    assert seconds_per_row(made, "cpu") == pytest.approx(80 / 800)
    assert seconds_per_row(made, "cuda:0") is None
    (tmp_path / "step_times.json").write_text("{")
    assert seconds_per_row(made, "cpu") is None  # a damaged cache is as good as none


def test_what_was_replayed_measures_nothing(tmp_path: Path) -> None:
    made = config(tmp_path)
    StepTimes().apply({"event": "ended"}, ended(made, 100, 40.0, device="replay"))
    StepTimes().apply({"event": "rung"}, ended(made, 100, 40.0))
    assert list(tmp_path.iterdir()) == []


def test_an_estimate_follows_from_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = (f"model.cache_dir={tmp_path}", "executor.devices=cpu", "executor.workers=2")
    assert plan_of("alpha_law", *asked)["estimated_s"] is None
    monkeypatch.setattr(step_times, "recall", lambda path, name: {"bundled:tiny none rows cpu": 0.01}[name])
    made = plan_of("alpha_law", *asked)
    assert (made["total_trials"], made["total_steps"]) == (9, 1800)  # of 12 listed, three are the same as another
    assert made["estimated_s"] == pytest.approx(1800 * 8 * 0.01 / 2)


def test_what_a_sweep_has_measured_is_reused_and_shown(shell: Shell) -> None:
    rows = [f"{r},0.05,50,{2 - r / 100}" for r in (4, 8, 16)]
    (shell.folder / "t.csv").write_text("\n".join(["lora.r,lora.dropout,step,eval_loss", *rows]) + "\n")
    done = shell.sweep("-m", "procedure=rank", *REPLAYED)
    assert done.returncode == 0, done.stderr
    plan = json.loads(shell.sweep("-m", "procedure=rank", *REPLAYED, "lora.r=4,8,32", "sweep.dry_run=json").stdout)
    stages = {stage["name"]: stage for stage in plan["stages"]}
    assert stages["sanity"]["reused"] == ["this sweep"]
    assert stages["ranks"]["reused"] == ["this sweep", "this sweep", None]
    text = shell.sweep("-m", "procedure=rank", *REPLAYED, "lora.r=4,8,32", "sweep.dry_run=true").stdout
    assert "|      8 |         16 |                  2 | this sweep |" in text


def test_conditional_stages_that_never_run_cost_nothing(shell: Shell) -> None:
    done = shell.sweep("-m", "procedure=warmup", "training.max_steps=400", "sweep.dry_run=true")
    assert "Stage fine (never: the run is short)\n\nStage fine_steps (short run)" in done.stdout


def test_a_sweep_keeps_the_facts_it_began_with(shell: Shell) -> None:
    rows = "\n".join(json.dumps({"prompt": f"say {n}", "completion": f" number {n} of {n * 7}"}) for n in range(600))
    (shell.folder / "d.jsonl").write_text(rows + "\n")
    table = "\n".join(["lora.r,lora.dropout,step,eval_loss", *(f"{r},0.05,50,{2 - r / 100}" for r in (4, 8, 16))])
    (shell.folder / "t.csv").write_text(table + "\n")
    asked = ("-m", "procedure=rank", "data=path", "data.path=d.jsonl", *REPLAYED)
    assert shell.sweep(*asked).returncode == 0
    log = shell.folder / "runs/s/events.jsonl"
    opened = json.loads(log.read_text().splitlines()[0])
    assert opened["facts"]["rows"] == 540 and opened["facts"]["tokens"]["source"]
    opened["facts"]["effective_rows"] = 100  # as if it had been counted otherwise
    log.write_text("\n".join([json.dumps(opened), *log.read_text().splitlines()[1:]]) + "\n")
    plan = json.loads(shell.sweep(*asked, "sweep.dry_run=json").stdout)
    assert plan["stages"][1]["vary"] == {"lora.r": [2, 4, 8]}
    (shell.folder / "d.jsonl").write_text(rows.replace("number", "figure") + "\n")  # other data: looked at anew
    refused = shell.sweep(*asked, "sweep.dry_run=json")
    assert refused.returncode == 2 and "data.path: d.jsonl has other rows than before" in refused.stderr
    plan = json.loads(shell.sweep(*asked, "sweep.dry_run=json", "sweep.fresh=true").stdout)
    assert plan["stages"][1]["vary"] == {"lora.r": [4, 8, 16]}
