"""Any field of the installed LoraConfig and SFTConfig, checked by name without importing them."""

from __future__ import annotations

import dataclasses

import peft
import pytest
import trl

from sweeper.passthrough import names, problems


@pytest.mark.parametrize(("group", "kind"), [("lora", peft.LoraConfig), ("training", trl.SFTConfig)])
def test_the_names_are_those_of_the_installed_classes(group: str, kind: type) -> None:
    declared = {field.name for field in dataclasses.fields(kind) if field.init}
    assert declared - names(group) == set()
    assert len(names(group)) >= 30


@pytest.mark.parametrize(
    ("group", "name"),
    [
        ("lora", "use_dora"),
        ("lora", "rank_pattern"),
        ("training", "adam_beta2"),
    ],
)
def test_fields_without_a_key_of_their_own_pass(group: str, name: str) -> None:
    assert list(problems(group, {name: 1})) == []


@pytest.mark.parametrize(
    ("group", "name", "remedy"),
    [
        ("lora", "use_dorra", "use_dora"),
        ("lora", "lora_alpha", "lora.alpha"),
        ("lora", "r", "lora.r"),
        ("training", "learning_rate", "training.learning_rate"),
        ("training", "warmup_ratio", "training.warmup_steps"),
        ("training", "group_by_length", "train_sampling_strategy"),
        ("training", "max_seq_length", "training.max_length"),
        ("training", "evaluation_strategy", "training.eval_steps"),
        ("training", "tokenizer", "model.path"),
        ("training", "output_dir", "leave"),
        ("training", "qqqqqq", "trl.SFTConfig"),
    ],
)
def test_others_are_answered(group: str, name: str, remedy: str) -> None:
    (problem,) = problems(group, {name: 1})
    assert remedy in problem.remedy and problem.key == f"{group}.kwargs.{name}"
