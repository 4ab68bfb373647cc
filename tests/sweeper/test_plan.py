"""See before you spend: the plan as text and as JSON, and nothing written."""

from __future__ import annotations

import json
from typing import Any

from shell import Shell


def planned(shell: Shell, *overrides: str) -> dict[str, Any]:
    done = shell.sweep("-m", *overrides, "sweep.dry_run=json")
    assert done.returncode == 0, done.stderr
    assert list(shell.folder.iterdir()) == []
    plan: dict[str, Any] = json.loads(done.stdout)
    totals = {"total_trials", "certain_trials", "max_trials", "total_steps", "estimated_s"}
    assert set(plan) == {"stages", "findings", "data", "previews", "targets", *totals}
    (stage,) = plan["stages"]
    keys = {"name", "when", "vary", "hold", "budget", "seeds", "choose", "trials"}
    assert set(stage) == {*keys, "reused", "why", "walk", "at_most", "extend", "steps", "takes", "sets"}
    return plan


def test_a_grid_lists_every_trial_with_what_follows(shell: Shell) -> None:
    plan = planned(shell, "quantization=none,nf4", "lora.r=4,8", "lora.use_rslora=true", "training.seed=3")
    (stage,) = plan["stages"]
    assert plan["total_trials"] == 4
    assert stage["vary"] == {"quantization": ["none", "nf4"], "lora.r": [4, 8]}
    assert stage["trials"][0] == {"quantization": "none", "lora.r": 4, "lora.alpha": 4, "lora.realised_gain": 2.0}
    assert stage["trials"][3]["lora.alpha"] == 6 and 2.12 < stage["trials"][3]["lora.realised_gain"] < 2.13
    assert stage["hold"]["lora.use_rslora"] is True and stage["hold"]["training.seed"] == 3
    assert not {"lora.r", "quantization.name"} & set(stage["hold"])
    assert (stage["budget"], stage["seeds"], stage["choose"]) == ({"steps": 200}, [3], "minimize eval_loss")


def test_a_sampled_search_gives_its_space_and_number(shell: Shell) -> None:
    rate = "training.learning_rate=tag(log,interval(5e-5,8e-4))"
    plan = planned(shell, rate, "sweep.n_trials=7", "sweep.metric=eval_macro_f1", "training.max_steps=-1")
    (stage,) = plan["stages"]
    assert plan["total_trials"] == 7 and stage["trials"] == []
    assert stage["vary"] == {"training.learning_rate": "tag(log,interval(5e-05,0.0008))"}
    assert (stage["budget"], stage["choose"]) == ({"epochs": 3.0}, "maximize eval_macro_f1")


def test_the_text_says_the_same(shell: Shell) -> None:
    done = shell.sweep("-m", "lora.r=4,8", "sweep.dry_run=true")
    assert done.returncode == 0 and list(shell.folder.iterdir()) == []
    assert (
        "lora.r: 4, 8" in done.stdout
        and "2 trials in all, the whole grid, 400 steps; nothing was started" in done.stdout
    )
    assert "|      8 |         16 |                  2 |" in done.stdout


def test_a_wrong_command_has_no_plan(shell: Shell) -> None:
    done = shell.sweep("-m", "lora.r=0,8", "sweep.dry_run=json")
    assert (done.returncode, done.stdout) == (2, "") and "lora.r=0" in done.stderr
