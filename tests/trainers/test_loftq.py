"""LoftQ: closer to the full-precision model at step 0, and nothing of it is left for the next trial."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bitsandbytes as bnb
import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from trainers import adapter, base_model, frozen_weight, loftq, sft
from trainers.full_precision import FullPrecision
from trainers.registry import Resources
from trainers.seam import Began, Ended, Event, Failed, GoOn, Logged, Pause, Rung, Start, Stop, TrialFailed
from trainers.trial import Lora, Quantization, TrialConfig

CPU = torch.device("cpu")
STEPS = 6


@pytest.fixture
def config(micro_trial: Callable[..., TrialConfig]) -> TrialConfig:
    trial = micro_trial(dropout=0.1, learning_rate=5e-3, max_steps=STEPS, eval_steps=2, logging_steps=1)
    return dataclasses.replace(trial, quantization=Quantization("nf4"))


def with_loftq(config: TrialConfig, **fields: Any) -> TrialConfig:
    return dataclasses.replace(config, lora=dataclasses.replace(config.lora, init_lora_weights="loftq", **fields))


def initialised(config: TrialConfig) -> Any:
    """A fresh model with its adapter, as at step 0."""
    model = adapter.attach(base_model.load(config.model, config.quantization, CPU).model, config.lora)
    if config.lora.uses_loftq:
        loftq.initialise(model, FullPrecision(config.model).weight, config.lora.turns)
    return model.eval()


def layers(model: Any) -> list[tuple[str, Any]]:
    named = model.get_base_model().named_modules()
    return [(name, module) for name, module in named if hasattr(module, "lora_A")]


def weight_error(config: TrialConfig) -> float:
    """The sum of the squared distances to the full-precision weights, over the adapted layers."""
    full, total = FullPrecision(config.model), 0.0
    for name, layer in layers(initialised(config)):
        weight = full.weight(f"{name}.weight")
        held = frozen_weight.dequantized(layer.base_layer) + layer.get_delta_weight("default")
        assert weight is not None
        total += float((weight - held).square().sum())
    return total


def logit_error(config: TrialConfig) -> float:
    ids = torch.arange(3, 50)[None]
    full = transformers.AutoModelForCausalLM.from_pretrained(config.model.path)
    with torch.no_grad():
        return float((initialised(config)(ids).logits - full(ids).logits).square().mean())


@pytest.mark.parametrize(("quantization", "bits"), [("nf4", 4), ("int8", 8)])
def test_the_first_step_is_closer_to_full_precision(config: TrialConfig, quantization: str, bits: int) -> None:
    plain = dataclasses.replace(config, quantization=Quantization(quantization))  # type: ignore[arg-type]
    errors = [weight_error(plain)]
    errors += [weight_error(with_loftq(plain, loftq_bits=bits, loftq_iter=turns)) for turns in (1, 4)]
    assert errors[0] > errors[1] >= errors[2]
    if quantization == "nf4":  # int8's error in the logits is mostly that of the activations, which it rounds as well
        assert logit_error(with_loftq(plain)) < logit_error(plain)


@pytest.mark.parametrize("scaling", [{"alpha": 1}, {"alpha": 32}, {"use_rslora": True}])
def test_the_scaling_does_not_matter(config: TrialConfig, scaling: dict[str, Any]) -> None:
    expected = weight_error(with_loftq(config))
    assert weight_error(with_loftq(config, **scaling)) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("quantization", ["nf4", "int8"])
def test_what_is_stored_is_what_loading_stores(config: TrialConfig, quantization: str) -> None:
    base = base_model.load(config.model, Quantization(quantization), CPU).model  # type: ignore[arg-type]
    linear = base.model.layers[0].mlp.up_proj
    loaded, before = linear.weight.data.clone(), frozen_weight.dequantized(linear)
    weight = FullPrecision(config.model).weight("model.layers.0.mlp.up_proj.weight")
    assert weight is not None
    frozen_weight.store(linear, weight)
    assert torch.equal(linear.weight.data, loaded) and torch.equal(frozen_weight.dequantized(linear), before)
    first = base(torch.arange(3, 9)[None]).logits
    frozen_weight.store(linear, weight)
    assert torch.equal(base(torch.arange(3, 9)[None]).logits, first)


def test_the_decomposition_is_the_best_of_its_rank() -> None:
    torch.manual_seed(0)
    for shape in ((24, 40), (40, 24)):
        matrix = torch.randn(shape)
        left_out = torch.linalg.svdvals(matrix)[4:]
        up, down = loftq._truncated(matrix, 4)
        # Eckart and Young 1936: no product of this rank is nearer. The product itself moves where values lie close.
        assert torch.allclose((matrix - up @ down).norm(), left_out.norm(), rtol=1e-5)
        assert torch.allclose(up.norm(dim=0), down.norm(dim=1), rtol=1e-4)  # each takes its share


@pytest.mark.parametrize("lora", [Lora(4, 8), Lora(4, 8, init_lora_weights="loftq", loftq_iter=1)])
def test_one_turn_leaves_the_base_as_it_is(config: TrialConfig, lora: Lora) -> None:
    model = initialised(dataclasses.replace(config, lora=lora))
    fresh = base_model.load(config.model, config.quantization, CPU).model.state_dict()
    assert not adapter.changes_base(lora)
    assert all(torch.equal(layer.base_layer.weight, fresh[f"{name}.weight"]) for name, layer in layers(model))


def commands(config: TrialConfig, folder: Path, step: int = 0) -> Start:
    return Start("t", config, str(folder / "adapter"), str(folder / "state"), step)


def run(trainer: sft.SftTrainer, config: TrialConfig, folder: Path) -> list[Event]:
    events = list(trainer.advance([commands(config, folder)]))
    while isinstance(events[-1], Rung):
        events += trainer.advance([(Stop if events[-1].step == STEPS else GoOn)("t")])
    return events


def curves(events: list[Event]) -> list[Any]:
    points = [event for event in events if isinstance(event, (Logged, Rung))]
    kept = [(type(event).__name__, event.step, event.values) for event in points]
    return sorted((kind, step, {**values, "tokens_per_s": 0.0}) for kind, step, values in kept)


@pytest.mark.parametrize(
    ("quantization", "lora"),
    [
        ("nf4", {"init_lora_weights": "loftq"}),
        ("int8", {"init_lora_weights": "loftq", "loftq_bits": 8}),
        ("none", {"init_lora_weights": "pissa"}),
        ("nf4", {"init_lora_weights": "olora"}),
    ],
)
def test_the_base_is_as_new_for_the_next_trial(
    config: TrialConfig, tmp_path: Path, quantization: Any, lora: dict[str, Any]
) -> None:
    plain = dataclasses.replace(config, quantization=Quantization(quantization))
    special = dataclasses.replace(plain, lora=dataclasses.replace(plain.lora, **lora))
    trainer = sft.make(Resources())
    first = run(trainer, special, tmp_path)
    assert isinstance(first[-1], Ended), first[-1]
    assert curves(run(trainer, plain, tmp_path)) == curves(run(sft.make(Resources()), plain, tmp_path))
    assert curves(run(trainer, special, tmp_path)) == curves(first)


def test_pausing_changes_nothing(config: TrialConfig, tmp_path: Path) -> None:
    """A state holds the adapter alone: the base beneath it is computed again."""
    asked = with_loftq(config)
    calm = run(sft.make(Resources()), asked, tmp_path / "calm")
    events: list[Event] = []
    at = 0
    while at < STEPS:
        trainer = sft.make(Resources())
        events += trainer.advance([commands(asked, tmp_path / "disturbed", at)])
        at = events[-1].step  # type: ignore[union-attr]
        events += trainer.advance([(Stop if at == STEPS else Pause)("t")])
        torch.rand(3)
    assert curves(events) == curves(calm)


def test_every_trial_says_how_long_its_beginning_took(config: TrialConfig, tmp_path: Path) -> None:
    for asked in (config, with_loftq(config)):
        began = run(sft.make(Resources()), asked, tmp_path)[0]
        assert isinstance(began, Began) and 0 < began.facts["init_seconds"] < 60


def test_a_model_in_several_files(config: TrialConfig, tmp_path: Path) -> None:
    whole = load_file(Path(config.model.path) / "model.safetensors")
    names = sorted(whole)
    for index, part in enumerate((names[::2], names[1::2])):
        save_file({name: whole[name] for name in part}, tmp_path / f"{index}.safetensors")
    files = {name: f"{place % 2}.safetensors" for place, name in enumerate(names)}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": files}))
    sharded = FullPrecision(dataclasses.replace(config.model, path=str(tmp_path)))
    assert all(torch.equal(sharded.weight(name), whole[name]) for name in names)  # type: ignore[arg-type]
    assert FullPrecision(config.model).weight("no.such") is None


def test_weights_that_are_not_the_bases_are_refused(config: TrialConfig) -> None:
    model = initialised(config)
    with pytest.raises(TrialFailed, match=r"do not hold the weight that model\.layers\.0"):
        loftq.initialise(model, lambda name: torch.randn(64, 64), 1)


def test_a_base_without_quantized_layers_is_refused(config: TrialConfig, tmp_path: Path) -> None:
    asked = dataclasses.replace(with_loftq(config), quantization=Quantization())
    (failure,) = run(sft.make(Resources()), asked, tmp_path)
    assert isinstance(failure, Failed) and "try quantization=nf4" in failure.reason


def test_double_quantization_off_stays_off(config: TrialConfig) -> None:
    asked = dataclasses.replace(with_loftq(config), quantization=Quantization("nf4", bnb_4bit_use_double_quant=False))
    for _, layer in layers(initialised(asked)):
        assert isinstance(layer.base_layer.weight, bnb.nn.Params4bit) and not layer.base_layer.weight.quant_state.nested
