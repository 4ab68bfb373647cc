"""Which modules an adapter changes: told from files, and as PEFT itself finds them."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import families
import peft
import pytest
import torch
import transformers
from peft.tuners.lora import LoraLayer

from sweeper import model_facts
from sweeper.target_matching import has_experts, matched, short_names, unmatched
from trainers.trial import Lora, Model

SOME = ("llama", "qwen3", "gemma3-short", "phi3", "gpt2", "bloom", "mixtral", "qwen3-moe")


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Models of some families, as `save_pretrained` leaves them."""

    @functools.cache
    def folder(family: str) -> Path:
        place = tmp_path_factory.mktemp(family)
        families._model(family, 64).save_pretrained(place)
        return place

    return folder


def as_peft_finds(folder: Path, lora: Lora) -> list[str]:
    with torch.device("meta"):
        model = transformers.AutoModelForCausalLM.from_config(transformers.AutoConfig.from_pretrained(folder))
    config = peft.LoraConfig(r=lora.r, target_modules=lora.target_modules, task_type="CAUSAL_LM", **lora.kwargs)
    wrapped = peft.get_peft_model(model, config)
    found = [name for name, module in wrapped.named_modules() if isinstance(module, LoraLayer)]
    return [name.removeprefix("base_model.model.") for name in found]


@pytest.mark.parametrize("family", SOME)
def test_all_linear_is_what_peft_takes_it_for(saved: Any, family: str) -> None:
    model = model_facts.read(Model("m", str(saved(family))))
    assert model is not None
    lora = Lora(r=2, alpha=2)
    found = as_peft_finds(saved(family), lora)
    layers = [name for name in found if not (has_experts(model) and ".mlp." in name)]  # routers and experts: parameters
    assert sorted(matched(lora, model)) == sorted(layers)


@pytest.mark.parametrize(
    ("targets", "kwargs"),
    [
        (["q_proj", "v_proj"], {}),
        (["self_attn.q_proj", "proj", "down_proj"], {}),
        (["model.layers.1.mlp.up_proj", "o_proj"], {}),
        (r".*\.(q|v)_proj", {}),
        (r"model\.layers\.0\..*proj", {}),
        (["embed_tokens", "k_proj"], {}),
        ("all-linear", {"exclude_modules": ["gate_proj", "model.layers.0.self_attn.q_proj"]}),
        ("all-linear", {"exclude_modules": r".*mlp.*"}),
        (["q_proj", "lm_head"], {"modules_to_save": ["lm_head"]}),
        (["q_proj"], {"layers_to_transform": [1]}),
        (["q_proj"], {"layers_to_transform": 0, "layers_pattern": "layers"}),
    ],
)
def test_names_match_as_in_peft(saved: Any, targets: Any, kwargs: dict[str, Any]) -> None:
    model = model_facts.read(Model("m", str(saved("llama"))))
    assert model is not None
    lora = Lora(r=2, alpha=2, target_modules=targets, kwargs=kwargs)
    found = matched(lora, model)
    assert found
    assert sorted(found) == sorted(as_peft_finds(saved("llama"), lora))


def test_the_names_that_exist_are_short(saved: Any) -> None:
    model = model_facts.read(Model("m", str(saved("llama"))))
    assert model is not None
    assert sorted(short_names(model)) == sorted(
        ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    )
    assert unmatched(["q_proj", "c_attn", "mlp.up_proj"], model) == ["c_attn"]


def test_convolutions_of_gpt2_are_linear_layers_the_other_way_round(saved: Any) -> None:
    model = model_facts.read(Model("m", str(saved("gpt2"))))
    assert model is not None
    assert model.linear["transformer.h.0.attn.c_attn"] == (96, 32)


def test_nothing_is_known_of_a_model_whose_files_are_not_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    for path in ("nobody/no-such-model", str(tmp_path), "bundled:tiny"):
        assert model_facts.read(Model("m", path, cache_dir=str(tmp_path))) is None


def test_a_quantized_checkpoint_says_nothing_of_its_layers() -> None:
    assert model_facts.facts_of({"a.weight": (4, 1)}, {"quantization_config": {}}) is None


def test_the_text_part_of_a_multimodal_model_is_read() -> None:
    shapes = {
        "language_model.model.embed_tokens.weight": (64, 8),
        "language_model.model.layers.0.self_attn.q_proj.weight": (8, 8),
    }
    model = model_facts.facts_of(shapes, {"model_type": "gemma3", "text_config": {"hidden_size": 8}})
    assert model is not None
    assert model.config["hidden_size"] == 8
    assert model.linear == {"model.language_model.layers.0.self_attn.q_proj": (8, 8)}


def test_a_model_in_several_files_is_read_as_one(saved: Any, tmp_path: Path) -> None:
    whole = model_facts.read(Model("m", str(saved("llama"))))
    loaded = transformers.AutoModelForCausalLM.from_pretrained(saved("llama"))
    loaded.save_pretrained(tmp_path, max_shard_size="20KB")
    assert len(list(tmp_path.glob("*.safetensors"))) > 1
    assert model_facts.read(Model("m", str(tmp_path))) == whole
