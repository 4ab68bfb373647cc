"""Named sets of target modules: in every architecture whose names are known, and as adapters get them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import families
import pytest
import torch
import transformers
from packs import Drive, with_lora
from peft.tuners.lora import LoraLayer

from sweeper import model_facts
from sweeper.target_matching import matched
from trainers import adapter, auto
from trainers.registry import Resources
from trainers.seam import TrialFailed
from trainers.target_sets import ARCHITECTURES, SETS, resolved
from trainers.trial import Lora, Model, TrialConfig

WITHOUT_GATE = {
    *("arcee", "apertus", "nemotron", "gpt2", "gpt_bigcode", "openai-gpt", "gpt_neox", "bloom", "falcon", "persimmon"),
    *("opt", "xglm", "biogpt", "phi", "starcoder2", "gpt_neo", "gptj", "codegen", "mpt"),
}
MIXTURES = {"mixtral", "qwen3_moe", "olmoe", "granitemoe", "gpt_oss", "phimoe", "minimax"}  # experts: parameters

LEFT = {"lm_head", "embed_out", "output_projection", "router", "shared_expert_gate"}
"""Heads, and what gates or routes experts: the only linear layers that no set adapts."""


def outline(architecture: str) -> Any:
    """An architecture with one layer and no numbers in it."""
    made = transformers.AutoConfig.for_model(architecture)
    for name in ("num_hidden_layers", "n_layer", "num_layers"):
        if hasattr(made, name):
            setattr(made, name, 1)
    if architecture == "gpt_neo":
        made.attention_types, made.attention_layers = [[["global"], 1]], ["global"]
    if architecture == "nemotron":
        made.num_key_value_heads = made.num_attention_heads
    if getattr(made, "layer_types", None):
        made.layer_types = made.layer_types[:1]
    with torch.device("meta"):
        return transformers.AutoModelForCausalLM.from_config(made)


def linears(model: Any) -> list[str]:
    kinds = (torch.nn.Linear, transformers.pytorch_utils.Conv1D)
    return [name for name, module in model.named_modules() if isinstance(module, kinds)]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_role_is_where_the_table_says(architecture: str) -> None:
    names = linears(outline(architecture))
    found = resolved("attention_mlp", architecture, names)
    assert found is not None and not found.along
    lacking = ("gate", "up", "down") if architecture in MIXTURES else ("gate",) if architecture in WITHOUT_GATE else ()
    assert found.absent == lacking
    left = [name for name in names if not any(name.endswith(f".{module}") for module in found.modules)]
    assert {name.rpartition(".")[2] for name in left} <= LEFT


@functools.cache
def small(family: str) -> Any:
    return families._model(family, 64)


EXPECTED = {
    "llama": ["q_proj", "v_proj"],
    "qwen3": ["q_proj", "v_proj"],
    "gemma3-short": ["q_proj", "v_proj"],
    "phi3": ["qkv_proj"],
    "gpt2": ["c_attn"],
    "bloom": ["query_key_value"],
    "mixtral": ["q_proj", "v_proj"],
    "qwen3-moe": ["q_proj", "v_proj"],
}


@pytest.mark.parametrize("family", EXPECTED)
def test_adapters_are_put_where_the_driver_expects_them(family: str, tmp_path: Path) -> None:
    """Of every set, and no name of one reaches PEFT."""
    model = small(family)
    model.save_pretrained(tmp_path)
    facts = model_facts.read(Model("m", str(tmp_path)))
    assert facts is not None
    assert adapter.matched(model, Lora(2, 2, target_modules="qv")) == {"matched.target_modules": EXPECTED[family]}
    for name in SETS:
        lora = Lora(2, 2, target_modules=name)
        if not matched(lora, facts):
            assert name == "mlp" and family in ("mixtral", "qwen3-moe")
            with pytest.raises(TrialFailed, match="mlp is a set that this model"):
                adapter.attach(model, lora)
            continue
        wrapped = adapter.attach(model, lora)
        layers = [item for item, module in wrapped.named_modules() if isinstance(module, LoraLayer)]
        assert sorted(item.removeprefix("base_model.model.") for item in layers) == sorted(matched(lora, facts))
        wrapped.unload()


def test_a_layer_of_several_roles_comes_as_a_whole() -> None:
    fused = resolved("qv", "gpt2", linears(small("gpt2")))
    assert fused is not None and (fused.modules, fused.along) == (("c_attn",), ("k",))
    gated = resolved("qvo_gate", "phi3", linears(small("phi3")))
    assert gated is not None and gated.along == ("k", "up") and "gate_up_proj" in gated.modules


def test_attention_and_mlp_of_gpt2_are_told_apart() -> None:
    """Both have a c_proj."""
    attention, mlp = (resolved(name, "gpt2", linears(small("gpt2"))) for name in ("attention", "mlp"))
    assert attention is not None and mlp is not None
    assert attention.modules == ("c_attn", "attn.c_proj") and mlp.modules == ("c_fc", "mlp.c_proj")
    assert mlp.absent == ("gate",)


def test_an_unknown_architecture_is_known_by_its_modules() -> None:
    found = resolved("qvo_mlp", "newcomer", linears(small("llama")))
    assert found is not None and found.modules == ("q_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
    assert resolved("qv", "newcomer", ["encoder.layer.0.query", "encoder.layer.0.value"]) is None


def test_a_set_is_trained_packed_and_recorded(micro_trial: Callable[..., TrialConfig], tmp_path: Path) -> None:
    """A set's name, and its modules by their names, are one curve."""
    one = micro_trial(learning_rate=1e-3, max_steps=2, eval_steps=2, logging_steps=1)
    targets: dict[str, str | list[str]] = {"named": "qvo_gate", "listed": ["q_proj", "v_proj", "o_proj", "gate_proj"]}
    trials = {name: with_lora(one, target_modules=value) for name, value in targets.items()}
    found = Drive(auto.make(Resources(capacity=2)), tmp_path, trials).run()
    assert found["named"].facts["trainer"] == "packed" and found["named"].numbers == found["listed"].numbers
    assert found["named"].facts["matched.target_modules"] == targets["listed"]
    assert "matched.target_modules" not in found["listed"].facts
