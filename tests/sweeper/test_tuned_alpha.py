"""An alpha that was tuned keeps its gain where the command varies what it follows; three laws are one factor."""

from __future__ import annotations

import json
from typing import Any

import pytest
from planned import plan_of
from shell import Shell

from sweeper.gain import alpha_by_law, resolve


@pytest.mark.parametrize(
    ("law", "r", "use_rslora", "alpha"),
    [
        ("gain", 32, False, 64),
        ("gain", 32, True, 11),
        ("constant", 8, False, 32),
        ("constant", 64, False, 32),
        ("per_r", 8, False, 16),
        ("per_r", 64, False, 128),
        ("per_sqrt_r", 64, False, 64),
        ("per_sqrt_r", 4, False, 16),
        ("constant", 64, True, 8),
        ("per_sqrt_r", 64, True, 16),
    ],
)
def test_laws_agree_at_the_anchor_and_part_beyond(*, law: str, r: int, use_rslora: bool, alpha: int) -> None:
    assert alpha_by_law(law, 2.0, r, 16, use_rslora) == alpha
    assert alpha_by_law(law, 2.0, 16, 16, use_rslora) == (8 if use_rslora else 32)


@pytest.mark.parametrize(
    ("lora", "key"),
    [
        ({"r": 8, "gain": 2.0, "alpha_law": "constant"}, "lora.alpha_r"),
        ({"r": 8, "gain": 2.0, "alpha": 16, "alpha_law": "constant"}, "lora.alpha_law"),
    ],
)
def test_a_law_that_cannot_be_followed_is_said(lora: dict[str, Any], key: str) -> None:
    assert [item.key for item in resolve(lora, [])[1]] == [key]


def test_a_law_is_no_part_of_a_trial() -> None:
    made = plan_of("alpha_law")
    laws = next(stage for stage in made["stages"] if stage["name"] == "laws")
    assert laws["reused"].count("stage laws") == 2  # at the anchor the three are one trial


def note(shell: Shell, *arguments: str) -> tuple[list[dict[str, Any]], list[Any]]:
    done = shell.sweep(*arguments, "sweep.dry_run=json")
    assert done.returncode == 0, done.stderr
    plan = json.loads(done.stdout)
    said = [item["rule"] for item in plan["findings"] if item["severity"] == "note" and item["key"] == "lora.alpha"]
    return plan["stages"][0]["trials"], said


def test_rslora_over_a_tuned_alpha_keeps_its_gain(shell: Shell) -> None:
    trials, said = note(shell, "-m", "lora.r=32", "lora.alpha=64", "lora.use_rslora=false,true")
    assert [trial["lora.alpha"] for trial in trials] == [64, 11]
    assert said == ["at rank 32 that is a gain of 2, which is kept: alpha follows"]


def test_turning_rslora_on_over_a_configuration_keeps_its_gain(shell: Shell) -> None:
    own = shell.folder / "mine/lora/tuned.yaml"
    own.parent.mkdir(parents=True)
    own.write_text("defaults: [default]\nr: 32\nalpha: 64\n")
    trials, said = note(shell, "-m", "--config-dir", "mine", "lora=tuned", "lora.use_rslora=true")
    assert [trial["lora.alpha"] for trial in trials] == [11] and len(said) == 1


def test_both_said_are_taken_as_said(shell: Shell) -> None:
    trials, said = note(shell, "-m", "lora.r=32", "lora.alpha=64", "lora.use_rslora=true")
    assert [trial["lora.alpha"] for trial in trials] == [64] and not said


def test_what_a_procedure_holds_goes_before_the_command_and_is_said(shell: Shell) -> None:
    done = shell.sweep("-m", "procedure=rank", "lora.dropout=0.1", "sweep.dry_run=true")
    assert "note: lora.dropout=0.1: procedure rank holds it at 0.05 throughout" in done.stdout


def test_what_follows_from_the_data_gives_way_to_the_command(shell: Shell) -> None:
    done = shell.sweep("-m", "procedure=playbook", "training.max_length=100", "sweep.dry_run=json")
    stage = next(item for item in json.loads(done.stdout)["stages"] if item["name"] == "rate")
    assert stage["hold"]["training.max_length"] == 100 and stage["hold"]["training.warmup_steps"] == 10


def test_the_playbook_begins_with_the_guides_priors(shell: Shell) -> None:
    done = shell.sweep("-m", "procedure=playbook", "training.max_steps=-1", "sweep.dry_run=json")
    hold = next(item for item in json.loads(done.stdout)["stages"] if item["name"] == "rank")["hold"]
    # 1,597 rows of at most 85 tokens: 5 epochs (002), 128 tokens, 3 % of about 1,000 steps, no packing.
    found = [hold[f"training.{key}"] for key in ("num_train_epochs", "max_length", "warmup_steps", "packing")]
    assert found == [5, 128, 0.03, False]
