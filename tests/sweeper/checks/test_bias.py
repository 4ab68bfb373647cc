"""Trained biases where there are none."""

from __future__ import annotations

import pytest
from made_up_scenes import llama, scene

from sweeper.checks.bias import check


def test_no_trained_bias_no_finding() -> None:
    assert list(check(scene(bias="none"))) == []


@pytest.mark.parametrize("bias", ["all", "lora_only"])
def test_a_model_without_biases_has_none_to_train(bias: str) -> None:
    (found,) = check(scene(bias=bias))
    assert (found.severity, found.value) == ("warning", bias) and found.number.startswith("0 biases")
    assert "lora.bias=none" in found.remedy


def test_biases_of_layers_without_an_adapter_are_not_trained_by_lora_only() -> None:
    model = llama(biases=("q_proj",))
    assert list(check(scene(model=model, bias="all", target_modules=["o_proj"]))) == []
    (found,) = check(scene(model=model, bias="lora_only", target_modules=["o_proj"]))
    assert "the model has 16" in found.number and "lora.bias=all" in found.remedy
    assert list(check(scene(model=model, bias="lora_only", target_modules=["q_proj"]))) == []


def test_lora_biases_cannot_be_merged_into_nothing() -> None:
    (found,) = check(scene(kwargs={"lora_bias": True}, target_modules=["q_proj"]))
    assert found.key == "lora.kwargs.lora_bias" and found.number.startswith("16 of the adapted layers")
    model = llama(biases=("q_proj",))
    assert list(check(scene(model=model, kwargs={"lora_bias": True}, target_modules=["q_proj"]))) == []
