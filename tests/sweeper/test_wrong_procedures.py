"""Commands that ask for procedures in ways that cannot be: one message, code 2, nothing written."""

from __future__ import annotations

import json

import pytest
from shell import Shell

DRY = "sweep.dry_run=true"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("-m", "procedure=rank,bias"), "procedure=rank,bias: one procedure at a time; try: procedure=rank"),
        (("-m", "procedure=rank", "sampler=tpe"), "sampler=tpe: a procedure lists its trials"),
        (("-m", "procedure=rank", "pruner=halving"), "pruner=halving: a procedure lists its trials"),
        (("-m", "procedure=rank", "search_space=lora"), "search_space=…: is a search's; a procedure lists its trials"),
        (("-m", "procedure=rank", "sweep.n_trials=3"), "sweep.n_trials=3: is a search's"),
        (("-m", "lora.r=4,8", "sweep.max_trials=3"), "sweep.max_trials=3: is a procedure's budget"),
        (("-m", "procedure=rank", "data=path", "data.path=nosuch.jsonl"), "data.path=nosuch.jsonl"),
        (("-m", "procedure=playbook", "data=path", "data.path=nosuch"), "data.path=nosuch"),
        (("-m", "procedure=rslora", "lora.gain=1,4"), "lora.gain=1,4: procedure rslora tries values around"),
        (
            ("-m", "procedure=gradient_accumulation", "training.gradient_accumulation_steps=0,2"),
            "training.gradient_accumulation_steps=0: must be at least 1",
        ),
        (("-m", "procedure=packing", "training.max_length=0,512"), "training.max_length=0: must be at least 2"),
        (("-m", "procedure=playbook", "lora.r=null,8"), "lora.r=None: should be a valid integer"),
        (("-m", "procedure=loftq"), "lora.init_lora_weights=loftq: nothing is quantized"),
    ],
)
def test_what_cannot_be_is_said(shell: Shell, arguments: tuple[str, ...], says: str) -> None:
    done = shell.sweep(*arguments)
    assert done.returncode == 2 and says in done.stderr, done.stderr + done.stdout
    assert "Traceback" not in done.stderr and list(shell.folder.iterdir()) == []


def test_a_single_value_of_what_a_stage_lists_is_noted(shell: Shell) -> None:
    done = shell.sweep("-m", "procedure=rank", "lora.r=32", "sweep.dry_run=json")
    said = [item for item in json.loads(done.stdout)["findings"] if item["key"] == "lora.r"]
    assert any("stage ranks" in item["rule"] and item["remedy"] == "lora.r=VALUE,VALUE" for item in said)


def test_a_remedy_keeps_its_own_values(shell: Shell) -> None:
    done = shell.sweep("-m", "procedure=rank", "lora.dropout=0.0,0.1", "sweep.dry_run=json")
    stages = {stage["name"]: stage for stage in json.loads(done.stdout)["stages"]}
    assert stages["more_dropout"]["vary"] == {"lora.dropout": [0.1]}


def test_warm_ups_end_within_the_run(shell: Shell) -> None:
    done = shell.sweep("-m", "procedure=warmup", "training.max_steps=60", "sweep.dry_run=json")
    assert json.loads(done.stdout)["stages"][0]["vary"] == {"training.warmup_steps": [0, 10, 25, 50]}


def test_the_plan_says_what_a_budget_does(shell: Shell) -> None:
    done = shell.sweep("-m", "procedure=rank", "sweep.max_trials=2", DRY)
    assert "sweep.max_trials=2 ends it before; nothing was started" in done.stdout
    assert "1 trial and, as conditions hold, up to 6 in all" in done.stdout
