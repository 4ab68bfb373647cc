"""The estimate of a trial's memory, against what a training step really allocates on this CPU."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from benchmarks import memory, shapes
from benchmarks.allocations import peak_mib, resident_mib
from sweeper import model_facts
from sweeper.memory.estimate import estimate
from trainers import adapter
from trainers.completion import completion_logits
from trainers.trial import Data, Lora, Model, Quantization, Training, TrialConfig

SIZES: dict[str, Any] = {
    "vocab_size": 512,
    "hidden_size": 128,
    "intermediate_size": 384,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 32,
    "max_position_embeddings": 2048,
    "pad_token_id": 0,
    "bos_token_id": None,
    "eos_token_id": 1,
}
QUANTIZED = {
    "nf4": transformers.BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.float32,
    ),
    "int8": transformers.BitsAndBytesConfig(load_in_8bit=True),
}
FAMILIES: dict[str, dict[str, Any]] = {
    "Llama": {},
    "Qwen3": {},
    "Gemma3Text": {
        "layer_types": ["sliding_attention", "full_attention", "sliding_attention"],
        "sliding_window": 64,
        "query_pre_attn_scalar": 32,
    },
}


def trial(*, attention: str | None = None, quantization: str = "none", dtype: str = "auto", **own: Any) -> TrialConfig:
    """A trial of four rows, unless told otherwise; keys are those of `lora` and `training`."""
    lora = {"r": 8, "alpha": 8, "dropout": 0.0} | {
        name: own.pop(name) for name in list(own) if name in Lora.__dataclass_fields__
    }
    training = {"learning_rate": 1e-4, "per_device_train_batch_size": 4} | own
    return TrialConfig(
        Model("m", "m", attn_implementation=attention, dtype=dtype),  # type: ignore[arg-type]
        Quantization(quantization),  # type: ignore[arg-type]
        Lora(**lora),
        Data("d", "d"),
        Training(**training),
    )


def built(family: str, config: TrialConfig, folder: Path) -> tuple[Any, model_facts.ModelFacts]:
    """A random model of a family with the trial's adapter, and what its shapes tell."""
    settings = getattr(transformers, f"{family}Config")(**{**SIZES, **FAMILIES[family]})
    kwargs: dict[str, Any] = {"attn_implementation": config.model.attn_implementation or "sdpa"}
    if config.model.dtype != "auto":
        kwargs["dtype"] = getattr(torch, config.model.dtype)
    torch.manual_seed(0)
    model = transformers.AutoModelForCausalLM.from_config(settings, **kwargs)
    shapes = {name: tuple(parameter.shape) for name, parameter in model.named_parameters()}
    if config.quantization.name != "none":
        model.save_pretrained(folder)
        asked = QUANTIZED[config.quantization.name]
        model = transformers.AutoModelForCausalLM.from_pretrained(folder, quantization_config=asked, **kwargs)
    wrapped = adapter.attach(model.requires_grad_(False), config.lora)
    if config.training.activation_checkpointing:  # as TRL and transformers' Trainer do
        wrapped.enable_input_require_grads()
        wrapped.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    facts = model_facts.facts_of(shapes, settings.to_dict())
    assert facts is not None
    return wrapped.train(), facts


def steps(model: Any, config: TrialConfig, length: int, predicted: int) -> Callable[[], object]:
    """Two steps of `trainers.lean_sft`'s loss: at the second the optimizer's state is there; rows differ in length."""
    rows = config.training.per_device_train_batch_size
    ids = torch.randint(2, SIZES["vocab_size"], (rows, length), generator=torch.Generator().manual_seed(0))
    mask, labels = torch.ones_like(ids), ids.clone()
    labels[:, : length - predicted] = -100
    mask[1:, -4:], labels[1:, -4:] = 0, -100
    optimizer = torch.optim.AdamW(adapter.trainable(model))

    def step() -> None:
        logits, targets = completion_logits(model, ids, mask, labels)
        smoothing = config.training.label_smoothing_factor
        loss = torch.nn.functional.cross_entropy(logits, targets, reduction="sum", label_smoothing=smoothing)
        del logits
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    return lambda: (step(), step())[0]


CASES: dict[str, tuple[str, dict[str, Any], int, int]] = {
    "llama": ("Llama", {}, 256, 16),
    "llama, long rows": ("Llama", {"per_device_train_batch_size": 1}, 1024, 16),
    "llama, dropout": ("Llama", {"dropout": 0.1}, 256, 16),
    "llama, dropout and rank 64": ("Llama", {"dropout": 0.1, "r": 64}, 256, 16),
    "llama, eager": ("Llama", {"attention": "eager"}, 256, 16),
    "llama, eager, long rows": ("Llama", {"attention": "eager", "per_device_train_batch_size": 1}, 512, 16),
    "llama, queries and values": ("Llama", {"target_modules": ["q_proj", "v_proj"]}, 256, 16),
    "llama, checkpointing": ("Llama", {"activation_checkpointing": True}, 256, 16),
    "llama, all logits": ("Llama", {}, 128, 128),
    "llama, smoothed": ("Llama", {"label_smoothing_factor": 0.1}, 128, 128),
    "llama, bfloat16": ("Llama", {"dtype": "bfloat16"}, 256, 16),
    "llama, nf4": ("Llama", {"quantization": "nf4"}, 256, 16),
    "llama, int8": ("Llama", {"quantization": "int8"}, 256, 16),
    "qwen3, dropout": ("Qwen3", {"dropout": 0.1}, 256, 16),
    "qwen3, nf4 and checkpointing": ("Qwen3", {"quantization": "nf4", "activation_checkpointing": True}, 256, 16),
    "gemma3, eager and dropout": ("Gemma3Text", {"attention": "eager", "dropout": 0.1}, 128, 16),
    "gemma3, one row and windows": ("Gemma3Text", {"per_device_train_batch_size": 1}, 512, 16),
}


@pytest.mark.parametrize("case", CASES)
def test_an_estimate_is_within_15_percent_of_a_measured_peak(case: str, tmp_path: Path) -> None:
    family, own, length, predicted = CASES[case]
    config = trial(**own)
    model, facts = built(family, config, tmp_path)
    measured = resident_mib(model) + peak_mib(steps(model, config, length, predicted))
    found = estimate(config, facts, length, "cpu", predicted=predicted, validation_rows=1)
    assert found.mib == pytest.approx(measured, rel=0.15), found


def test_what_is_measured_is_what_is_allocated_at_once() -> None:
    def run() -> None:
        first, second = torch.empty(1 << 20), torch.empty(1 << 20)
        del first
        second = torch.cat([second, torch.empty(1 << 18)])

    assert peak_mib(lambda: torch.empty(1 << 20)) == 4.0
    assert peak_mib(run) == 4 + 1 + 5


@pytest.mark.parametrize("quantization", ["none", "nf4", "int8"])
def test_a_base_takes_what_its_quantization_says(quantization: str, tmp_path: Path) -> None:
    config = trial(quantization=quantization, r=1, target_modules=["q_proj"])
    model, facts = built("Llama", config, tmp_path)
    found = estimate(config, facts, 8, "cpu")
    assert found.base + found.adapters == pytest.approx(resident_mib(model), rel=0.01)


@pytest.mark.parametrize("case", ["dropout 0.1"])  # the others: benchmarks.memory
def test_the_trainer_itself_takes_what_is_estimated(case: str, tmp_path: Path) -> None:
    shapes.build(memory.SMALL, tmp_path / "model", torch.device("cpu"))
    config, found = memory.estimated(tmp_path, "cpu", **memory.CASES[case])
    assert found.mib == pytest.approx(memory.measured(config, torch.device("cpu")), rel=0.15), found


def test_what_a_loss_counts_is_what_its_logits_take(tmp_path: Path) -> None:
    """On a GPU TRL's head folds the usual loss; a smoothed one is whole, and with prompts it has all positions."""
    found = {}
    for name, own in {"usual": {}, "smoothed": {"label_smoothing_factor": 0.1}}.items():
        config = trial(**own)
        facts = built("Llama", config, tmp_path)[1]
        prompts = dataclasses.replace(config, training=dataclasses.replace(config.training, completion_only_loss=False))
        found[name] = [estimate(item, facts, 64, "cuda", predicted=16).logits for item in (config, prompts)]
    assert found["smoothed"] == [pytest.approx(4 * 16 * 512 * 12 / 2**20), pytest.approx(4 * 64 * 512 * 12 / 2**20)]
    assert found["usual"][0] != found["smoothed"][0]
