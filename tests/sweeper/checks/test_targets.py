"""Target modules that are not there, and those that an adapter had better leave alone."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from made_up_scenes import llama, scene

from sweeper.checks.targets import check
from sweeper.finding import Finding
from sweeper.model_facts import ModelFacts
from trainers.target_sets import SETS


def findings(targets: Any, **more: Any) -> list[Finding]:
    return list(check(scene(target_modules=targets, **more)))


@pytest.mark.parametrize("targets", ["all-linear", ["q_proj", "v_proj"], r".*\.(q|v)_proj"])
def test_names_that_are_there_are_no_finding(targets: Any) -> None:
    assert findings(targets) == []


@pytest.mark.parametrize("targets", [["c_attn"], "q_proj", ["query", "value"]])
def test_a_name_that_nothing_has_is_an_error_with_the_names_that_exist(targets: Any) -> None:
    (found,) = findings(targets)
    assert (found.severity, found.key, found.value) == ("error", "lora.target_modules", targets)
    assert "q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj" in found.number
    assert found.remedy == "lora.target_modules=[q_proj,v_proj]"


def test_one_wrong_name_among_others_is_named() -> None:
    (found,) = findings(["q_proj", "w1", "v_proj"])
    assert found.severity == "warning" and found.number.startswith("w1: no such module")
    assert found.remedy == "lora.target_modules=[q_proj,v_proj]"


def test_what_is_no_regular_expression_is_an_error() -> None:
    (found,) = findings("*.q_proj")
    assert found.severity == "error" and "no regular expression" in found.number


def test_an_adapter_on_the_head_is_an_error() -> None:
    (found,) = findings(["q_proj", "lm_head"])
    assert found.severity == "error" and "shares its weight with the embeddings" in found.number
    assert found.remedy == "lora.target_modules=[q_proj]"


def test_an_untied_head_is_refused_too() -> None:
    model = llama(tie_word_embeddings=False)
    model = dataclasses.replace(model, shapes={**model.shapes, "lm_head.weight": (128_256, 2048)})
    (found,) = findings(["q_proj", "lm_head"], model=model)
    assert found.severity == "error" and "shares" not in found.number


def test_a_head_that_is_trained_whole_is_left_alone() -> None:
    assert findings(["q_proj", "lm_head"], kwargs={"modules_to_save": ["lm_head"]}) == []


def test_an_adapter_on_the_embeddings_is_worth_a_warning() -> None:
    (found,) = findings(["embed_tokens", "q_proj"])
    assert found.severity == "warning" and f"{16 * (128_256 + 2048):,} numbers for 128,256 words" in found.number
    assert found.remedy == "lora.target_modules=[q_proj]"


def test_nothing_is_said_of_a_model_whose_files_are_not_here() -> None:
    assert list(check(dataclasses.replace(scene(target_modules=["nothing"]), model=None))) == []


def test_a_mixture_of_experts_is_not_judged_by_its_layers_names() -> None:
    model = llama()
    experts = {"model.layers.0.mlp.experts.0.w1.weight": (8, 8)}
    assert findings(["w1"], model=dataclasses.replace(model, shapes={**model.shapes, **experts})) == []


def test_a_set_that_is_there_as_it_says_is_no_finding() -> None:
    for name in SETS:
        assert findings(name) == []


def test_what_a_set_lacks_or_brings_along_is_said() -> None:
    layers = ("attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj")
    linear = {f"transformer.h.0.{name}": (8, 8) for name in layers}
    shapes = {f"{name}.weight": (8, 8) for name in linear}
    gpt2 = ModelFacts(shapes, {"model_type": "gpt2"}, linear)
    (found,) = findings("qvo_gate", model=gpt2)
    assert (found.severity, found.number) == ("note", "no gate in this model; k along with c_attn")
    assert found.rule.startswith("qvo_gate is c_attn, attn.c_proj here")


def test_a_set_under_names_that_nobody_knows_is_an_error() -> None:
    linear = {"encoder.0.query": (8, 8)}
    odd = ModelFacts({"encoder.0.query.weight": (8, 8)}, {"model_type": "odd"}, linear)
    (found,) = findings("qv", model=odd)
    assert found.severity == "error" and "no module matches; there are query" in found.number
    assert "qv, attention, mlp, qvo_gate" in found.rule and found.remedy == "lora.target_modules=all-linear"
