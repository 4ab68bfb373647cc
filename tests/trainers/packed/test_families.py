"""Packed and alone agree whatever the architecture, the base's storage and the rows; the rest trains alone."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from families import builder
from packs import Drive, Found, with_lora

from trainers import sft
from trainers.packed.key import alone, key
from trainers.packed.pack import Pack
from trainers.packed.shape import Shape
from trainers.packed.stacked import StackedLinear
from trainers.packed.targets import packable, targets
from trainers.packed.trainer import PackedTrainer
from trainers.registry import Resources
from trainers.trial import Data, Lora, Quantization, TrialConfig

Made = Callable[..., TrialConfig]
Trials = dict[str, TrialConfig]
Built = Callable[[str], Path]

SHARED = "what does this line say, sad or happy? {text} :"


@pytest.fixture(scope="module")
def built(micro_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Makes a family's model once."""
    return builder(micro_model, tmp_path_factory.mktemp("families"))


def of_model(config: TrialConfig, **changes: Any) -> TrialConfig:
    return dataclasses.replace(config, model=dataclasses.replace(config.model, **changes))


def trials(micro_trial: Made, **model: Any) -> Trials:
    """Three that differ in rank, rate and seed, over rows that begin alike."""
    return {
        f"r{r}": of_model(with_lora(asked(micro_trial, rate, seed), r=r, alpha=2 * r), **model)
        for seed, (r, rate) in enumerate([(2, 3e-3), (4, 1e-3), (8, 2e-3)])
    }


def asked(micro_trial: Made, rate: float, seed: int) -> TrialConfig:
    return micro_trial(template=SHARED, learning_rate=rate, seed=seed, max_steps=6, eval_steps=3, logging_steps=1)


def packed(folder: Path, configs: Trials, capacity: int = 3, *, prefix: bool = True) -> dict[str, Found]:
    return Drive(PackedTrainer(Resources(capacity=capacity, shared_prefix=prefix)), folder, configs).run()


def by_themselves(folder: Path, configs: Trials) -> dict[str, Found]:
    return Drive(sft.make(Resources()), folder, configs).run()


def agree(together: Mapping[str, Found], single: Mapping[str, Found], loss: float, norm: float) -> None:
    """Compares curves and rungs; tolerances are relative, and everything measured at a rung has the loss's."""
    for name, one in single.items():
        other = together[name]
        assert one.curve and one.curve.keys() == other.curve.keys() and one.rungs.keys() == other.rungs.keys(), name
        for step, point in one.curve.items():
            assert other.curve[step]["learning_rate"] == point["learning_rate"], (name, step)
            assert other.curve[step]["loss"] == pytest.approx(point["loss"], rel=loss), (name, step)
            assert other.curve[step]["grad_norm"] == pytest.approx(point["grad_norm"], rel=norm), (name, step)
        for step, values in one.rungs.items():
            assert other.rungs[step].keys() == values.keys()
            for measured in ("eval_loss", "token_accuracy"):
                assert other.rungs[step][measured] == pytest.approx(values[measured], rel=loss), (name, step)


# -- architectures ----------------------------------------------------------------------------------------------------

PACKABLE = ("llama", "qwen3", "gemma3-short", "gemma3-long", "gemma2", "granite", "phi3", "bloom")


@pytest.mark.parametrize("family", PACKABLE)
def test_an_architecture_trains_as_alone(built: Built, micro_trial: Made, tmp_path: Path, family: str) -> None:
    configs = trials(micro_trial, path=str(built(family)))
    del configs["r4"]  # one slot stays empty
    assert PackedTrainer(Resources()).accepts(configs["r2"])
    single = by_themselves(tmp_path, configs)
    for prefix in (True, False):
        together = packed(tmp_path, configs, prefix=prefix)
        assert all((one.facts["pack.prefix"] > 8) == prefix for one in together.values())
        agree(together, single, loss=1e-5, norm=1e-4)


APART = ("gpt2", "mixtral", "qwen3-moe", "llama-dropout", "bloom-dropout", "llama-dynamic")


@pytest.mark.parametrize("family", APART)
def test_what_cannot_share_a_pass_is_told_apart(built: Built, micro_trial: Made, family: str) -> None:
    trainer, config = PackedTrainer(Resources()), trials(micro_trial, path=str(built(family)))["r2"]
    state = torch.get_rng_state()
    for lora in ({}, {"dropout": 0.1}, {"target_modules": ["c_attn"] if family == "gpt2" else "all-linear"}):
        assert not trainer.accepts(with_lora(config, **lora))
    base = trainer._loaded.base(config).model
    assert not base.training and torch.equal(state, torch.get_rng_state())
    assert not any("lora" in name or "base_layer" in name for name, _ in base.named_modules())


def test_adapted_attention_beside_experts_is_told_apart(built: Built, micro_trial: Made) -> None:
    config = trials(micro_trial, path=str(built("mixtral")))["r2"]
    assert not PackedTrainer(Resources()).accepts(with_lora(config, target_modules=["q_proj", "v_proj"]))


def test_rows_within_what_positions_were_trained_for_can_share(built: Built, micro_trial: Made) -> None:
    config = trials(micro_trial, path=str(built("llama-dynamic")))["r2"]
    short = dataclasses.replace(config, training=dataclasses.replace(config.training, max_length=24))
    assert PackedTrainer(Resources()).accepts(short)


class Sorting(torch.nn.Module):  # type: ignore[misc]
    """A model that gives one of its layers every so many rows, and does not use its eyes."""

    def __init__(self, every: int) -> None:
        super().__init__()
        self.config, self.device, self.every = transformers.LlamaConfig(), torch.device("cpu"), every
        self.all, self.some, self.eyes = torch.nn.Linear(4, 4), torch.nn.Linear(4, 4), torch.nn.Conv2d(3, 4, 2)

    def forward(self, input_ids: torch.Tensor, use_cache: bool) -> torch.Tensor:
        hidden = self.all(input_ids[..., None].expand(-1, -1, 4).float())
        return torch.as_tensor(self.some(hidden[:: self.every]))


@pytest.mark.parametrize("adapted", ["all", "some"])
def test_experts_that_are_layers_of_their_own_are_told_apart(adapted: str) -> None:
    assert not packable(Sorting(2), (adapted,))
    assert packable(Sorting(1), (adapted,))


def test_what_cannot_be_adapted_leaves_the_base_as_it_was(built: Built) -> None:
    """PEFT wraps some layers before it comes upon one that it cannot wrap; other trials go on with that base."""
    base = transformers.AutoModelForCausalLM.from_pretrained(built("llama"))
    before = dict(base.named_modules())
    with pytest.raises(ValueError, match="is not supported"):
        targets(base, Lora(r=4, alpha=8, target_modules=["q_proj", "act_fn"]))
    assert dict(base.named_modules()) == before


def test_recomputed_activations_would_lose_the_prefix(built: Built) -> None:
    model = transformers.AutoModelForCausalLM.from_pretrained(built("llama"))
    shape = Shape(slots=2, rows=2, lines=2, length=8, completion=2, r=16, prefix=(5, 6, 7))
    model.gradient_checkpointing_enable()
    with pytest.raises(ValueError, match="activation checkpointing"):
        Pack(model, {"model.layers.0.self_attn.q_proj": 0}, shape, 0)
    Pack(model, {"model.layers.0.self_attn.q_proj": 0}, dataclasses.replace(shape, prefix=()), 0)


# -- storage ----------------------------------------------------------------------------------------------------------

# Measured at most: nf4 2e-7 and 6e-7; bfloat16 1.3e-3 and 1.1e-2, its products round to 8 bits, and padding and mask
# change their order; int8 6e-3 and 2.5e-2: a last digit in the input moves values over the edges of 127 steps.
STORED = {
    "nf4": (Quantization(name="nf4"), "auto", 1e-5, 1e-4),
    "bfloat16": (Quantization(), "bfloat16", 5e-3, 4e-2),
    "int8": (Quantization(name="int8"), "auto", 2e-2, 1e-1),
}


def stored(micro_trial: Made, kind: str, **model: Any) -> Trials:
    quantization, dtype, *_ = STORED[kind]
    made = trials(micro_trial, dtype=dtype, **model)
    return {name: dataclasses.replace(item, quantization=quantization) for name, item in made.items()}


def for_steps(configs: Trials, steps: int) -> Trials:
    changes = {"max_steps": steps, "eval_steps": steps}
    return {
        name: dataclasses.replace(item, training=dataclasses.replace(item.training, **changes))
        for name, item in configs.items()
    }


@pytest.mark.parametrize("kind", STORED)
def test_a_stored_base_trains_as_alone(built: Built, micro_trial: Made, tmp_path: Path, kind: str) -> None:
    configs = stored(micro_trial, kind, path=str(built("llama")))
    loss, norm = STORED[kind][2:]
    together = packed(tmp_path, configs)
    assert together["r2"].facts["pack.prefix"] > 8
    agree(together, by_themselves(tmp_path, configs), loss, norm)


def test_int8_differs_by_its_rounding_alone(micro_trial: Made, tmp_path: Path) -> None:
    """Where every column holds an outlier, nothing is rounded to int8: curves agree as they do in float32."""
    low = Quantization(name="int8", llm_int8_threshold=1e-6)
    configs = {name: dataclasses.replace(item, quantization=low) for name, item in trials(micro_trial).items()}
    agree(packed(tmp_path, configs, prefix=False), by_themselves(tmp_path, configs), loss=1e-5, norm=1e-4)


@pytest.mark.parametrize("kind", STORED)
def test_neighbours_change_nothing_over_a_stored_base(
    built: Built, micro_trial: Made, tmp_path: Path, kind: str
) -> None:
    configs = for_steps(stored(micro_trial, kind, path=str(built("llama"))), 3)
    together = packed(tmp_path, configs)
    for name, config in configs.items():
        assert packed(tmp_path, {name: config})[name].numbers == together[name].numbers


def test_neighbours_outliers_change_nothing(
    built: Built, micro_trial: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    low = Quantization(name="int8", llm_int8_threshold=2.0)
    asked_for = for_steps(trials(micro_trial, path=str(built("llama"))), 2)
    configs = {name: dataclasses.replace(item, quantization=low) for name, item in asked_for.items()}

    def same() -> bool:
        together = packed(tmp_path, configs)
        one = {name: packed(tmp_path, {name: config})[name].numbers for name, config in configs.items()}
        return all(together[name].numbers == numbers for name, numbers in one.items())

    assert same()
    monkeypatch.setattr(StackedLinear, "_frozen", lambda self, x, slots: self.base(x))  # all slots at once
    assert not same()


def test_the_last_slot_is_evaluated_as_the_first(built: Built, micro_trial: Made, tmp_path: Path) -> None:
    """48 features: the end of a tensor does not fill a vector register, and torch rounds an activation there otherwise.

    With nf4 and no prefix the last of these trials differed in its last digits.
    """
    configs = stored(micro_trial, "nf4", path=str(built("llama")))
    together = packed(tmp_path, configs, prefix=False)
    assert packed(tmp_path, {"r8": configs["r8"]}, prefix=False)["r8"].numbers == together["r8"].numbers


# -- settings ---------------------------------------------------------------------------------------------------------

ALONE = {
    "lora.bias": {"bias": "lora_only"},
    "lora.dtype": {"dtype": "bfloat16"},
    "lora.init_lora_weights": {"init_lora_weights": "gaussian"},
    "lora.kwargs": {"kwargs": {"use_dora": True}},
    "training.optim": {"optim": "adamw_bnb_8bit"},
    "training.packing": {"packing": True},
    "training.activation_checkpointing": {"activation_checkpointing": True},
    "training.probes": {"probes": ["drift"]},
    "training.neftune_noise_alpha": {"neftune_noise_alpha": 5.0},
    "training.kwargs": {"kwargs": {"adam_beta2": 0.95}},
    "training.lr_scheduler_type": {"lr_scheduler_type": "greedy"},
    "training.max_steps": {"max_steps": 0},
}


@pytest.mark.parametrize("name", ALONE)
def test_what_makes_a_trial_train_alone_is_named(micro_trial: Made, name: str) -> None:
    config, group = micro_trial(learning_rate=1e-3), name.partition(".")[0]
    assert alone(config) == [] and key(config) is not None
    changed = dataclasses.replace(config, **{group: dataclasses.replace(getattr(config, group), **ALONE[name])})
    assert alone(changed) == [name] and key(changed) is None


# -- rows -------------------------------------------------------------------------------------------------------------

TEXTS = ("tears all night", "joy", "the house is empty now", "a", "we laughed all day", "best cake ever again")
STEM = "the word for it is: "
STEMS = tuple(STEM + more for more in ("", "it", "it once", "it once more and then", "i", "it all"))
FORMATS: Mapping[str, list[dict[str, str]]] = {
    "text": [{"text": text} for text in TEXTS],  # empty prompts: nothing predicts a row's first token
    "prompts": [{"prompt": stem, "completion": text} for stem, text in zip(STEMS, TEXTS, strict=True)],
    "one-begins-all": [{"prompt": stem, "completion": " " + stem} for stem in STEMS],
}
ROWS = [
    ("text", 3, 60, False),
    ("text", 1, 60, False),
    ("text", 4, 3, False),  # cut to three tokens, some of them shorter
    ("prompts", 3, 60, True),
    ("prompts", 1, 60, False),  # a micro-batch of one row: a prefix would save nothing
    ("prompts", 4, 22, True),  # cuts off some completions, shortens others
    ("one-begins-all", 4, 60, True),  # the shortest prompt is where the others still agree
]


@pytest.mark.parametrize("kind", ROWS, ids=lambda kind: f"{kind[0]}-{kind[1]}-{kind[2]}")
def test_rows_of_every_kind_train_as_alone(micro_trial: Made, tmp_path: Path, kind: tuple[str, int, int, bool]) -> None:
    form, batch, most, shares = kind
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in FORMATS[form] * 2))
    changes = {"per_device_train_batch_size": batch, "max_length": most, "gradient_accumulation_steps": 2}
    configs = {
        name: dataclasses.replace(
            item,
            data=Data("rows", str(file), validation_fraction=0.3),
            training=dataclasses.replace(item.training, **changes),
        )
        for name, item in trials(micro_trial).items()
        if name != "r4"
    }
    together = packed(tmp_path, configs, capacity=2)
    assert (together["r2"].facts["pack.prefix"] > 0) == shares
    agree(together, by_themselves(tmp_path, configs), loss=1e-5, norm=1e-4)


# -- length -----------------------------------------------------------------------------------------------------------


def test_two_hundred_steps_stay_together(micro_trial: Made, tmp_path: Path) -> None:
    made = {
        f"r{r}": with_lora(
            micro_trial(template=SHARED, learning_rate=rate, seed=r, max_steps=200, eval_steps=50, logging_steps=5),
            r=r,
            alpha=gain * r,
        )
        for r, rate, gain in ((2, 3e-3, 2), (4, 1e-3, 1), (8, 5e-4, 2))
    }
    together = packed(tmp_path, made)
    assert len(together["r2"].curve) == 40 and together["r2"].facts["pack.prefix"] > 8
    agree(together, by_themselves(tmp_path, made), loss=1e-4, norm=1e-4)
