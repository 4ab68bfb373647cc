"""What is measured besides the curves, without touching them."""

from __future__ import annotations

import dataclasses
import json
import types
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from trainers import base_model, data, sft, tokens
from trainers.probes import logits
from trainers.probes.bleed import Bleed
from trainers.probes.greedy import continued
from trainers.registry import Resources
from trainers.seam import Began, Ended, Event, GoOn, Logged, Rung, Start, Stop
from trainers.tokens import Tokens
from trainers.trial import Quantization, TrialConfig, reference_of

CPU = torch.device("cpu")
STEPS = 6
ALL = ["logits", "bleed", "drift"]


@pytest.fixture
def config(micro_trial: Callable[..., TrialConfig]) -> TrialConfig:
    training = {"learning_rate": 5e-3, "max_steps": STEPS, "eval_steps": 2, "logging_steps": 1}
    return micro_trial(dropout=0.1, template="feel: {text} ->", **training)


def probed(config: TrialConfig, *names: str, **groups: dict[str, Any]) -> TrialConfig:
    groups["training"] = {**groups.get("training", {}), "probes": list(names)}
    made = {group: dataclasses.replace(getattr(config, group), **values) for group, values in groups.items()}
    return dataclasses.replace(config, **made)


def run(trainer: sft.SftTrainer, config: TrialConfig, folder: Path) -> list[Event]:
    events = list(trainer.advance([Start("t", config, str(folder / "adapter"))]))
    while isinstance(events[-1], Rung):
        last = events[-1].step == max(0, config.training.max_steps)
        events += trainer.advance([(Stop if last else GoOn)("t")])
    assert isinstance(events[-1], Ended), events[-1]
    return events


def rungs(events: Sequence[Event], key: str) -> list[float]:
    return [event.values[key] for event in events if isinstance(event, Rung)]


def facts(events: Sequence[Event]) -> dict[str, Any]:
    assert isinstance(events[0], Began)
    return events[0].facts


def curves(events: Sequence[Event]) -> list[Any]:
    new = {"tokens_per_s", "bleed_rate", "run_on_rate", "base_drift"}
    points = [event for event in events if isinstance(event, (Logged, Rung))]
    return [(event.step, {key: value for key, value in event.values.items() if key not in new}) for event in points]


@pytest.mark.parametrize(
    ("quantization", "changes"),
    [("none", {}), ("nf4", {"init_lora_weights": "loftq"}), ("int8", {}), ("none", {"bias": "all"})],
)
def test_curves_are_the_same_with_probes(
    config: TrialConfig, tmp_path: Path, quantization: Any, changes: dict[str, Any]
) -> None:
    groups = {"quantization": {"name": quantization}, "lora": changes}
    plain = run(sft.make(Resources()), probed(config, **groups), tmp_path)
    trainer = sft.make(Resources())
    for _ in range(2):
        found = run(trainer, probed(config, *ALL, **groups), tmp_path)
        assert curves(found) == curves(plain)
        assert all(len(rungs(found, key)) == 3 for key in ("bleed_rate", "run_on_rate", "base_drift"))
        assert {"logit_mse", "logit_cosine"} <= set(facts(found))


def test_logits_tell_how_far_the_beginning_is_from_full_precision(config: TrialConfig, tmp_path: Path) -> None:
    trainer = sft.make(Resources())
    exact = facts(run(trainer, probed(config, "logits"), tmp_path))
    assert exact["logit_mse"] == 0.0 and exact["logit_cosine"] == pytest.approx(1.0)
    nf4 = {"quantization": {"name": "nf4"}}
    plain = facts(run(trainer, probed(config, "logits", **nf4), tmp_path))
    corrected = facts(run(trainer, probed(config, "logits", **nf4, lora={"init_lora_weights": "loftq"}), tmp_path))
    assert 0 < corrected["logit_mse"] < plain["logit_mse"]
    assert plain["logit_cosine"] < corrected["logit_cosine"] < 1


def test_full_precision_is_computed_once(config: TrialConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, loads = probed(config, "logits", quantization={"name": "nf4"}), []
    load = base_model.load

    def counted(*args: Any) -> base_model.Base:
        loads.append(args[1].name)
        return load(*args)

    monkeypatch.setattr(base_model, "load", counted)
    trainer = sft.make(Resources())
    first = facts(run(trainer, asked, tmp_path))
    second = facts(run(trainer, asked, tmp_path))
    assert loads == ["nf4", "none"] and first["logit_mse"] == second["logit_mse"]
    run(trainer, dataclasses.replace(asked, data=dataclasses.replace(asked.data, validation_fraction=0.5)), tmp_path)
    assert loads == ["nf4", "none", "none"]


def test_where_the_device_has_no_room_the_cpu_computes(config: TrialConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = probed(config, quantization={"name": "nf4"})
    base = base_model.load(config.model, Quantization("nf4"), CPU)
    rows = tokens.tokenize(data.load(config.data), base.tokenizer, 60).validation
    expected = logits.FullLogits(CPU).of(asked, base, rows)
    load = base_model.load

    def full(model: Any, quantization: Any, device: torch.device) -> base_model.Base:
        if device.type != "cpu":
            raise torch.OutOfMemoryError
        return load(model, quantization, device)

    monkeypatch.setattr(base_model, "load", full)
    found = logits.FullLogits(torch.device("cuda")).of(asked, base, rows)
    assert all(torch.equal(a, b) for a, b in zip(expected, found, strict=True))


@pytest.fixture
def biased(config: TrialConfig, tmp_path: Path) -> TrialConfig:
    """The micro model's shape, with biases in its attention."""
    folder = tmp_path / "biased"
    transformers.AutoTokenizer.from_pretrained(config.model.path).save_pretrained(folder)
    shape = json.loads((Path(config.model.path) / "config.json").read_text())
    torch.manual_seed(0)
    model = transformers.LlamaForCausalLM(transformers.LlamaConfig(**{**shape, "attention_bias": True}))
    model.save_pretrained(folder)
    return dataclasses.replace(config, model=dataclasses.replace(config.model, path=str(folder)))


def test_only_trained_biases_move_the_base(biased: TrialConfig, tmp_path: Path) -> None:
    trainer = sft.make(Resources())
    assert rungs(run(trainer, probed(biased, "drift"), tmp_path), "base_drift") == [0.0] * 3
    moved = rungs(run(trainer, probed(biased, "drift", lora={"bias": "all"}), tmp_path), "base_drift")
    assert 0 < moved[0] < moved[-1]
    assert (
        rungs(run(trainer, probed(biased, "drift", quantization={"name": "nf4"}), tmp_path), "base_drift") == [0.0] * 3
    )


def test_a_frozen_factor_stays_frozen(config: TrialConfig, tmp_path: Path) -> None:
    plain = run(sft.make(Resources()), probed(config, lora={"init_lora_weights": "mica"}), tmp_path)
    found = run(sft.make(Resources()), probed(config, "drift", lora={"init_lora_weights": "mica"}), tmp_path)
    assert curves(found) == curves(plain)


def test_continuations_are_those_of_generate(config: TrialConfig) -> None:
    base = base_model.load(config.model, Quantization(), CPU)
    rows = tokens.tokenize(data.load(config.data), base.tokenizer, 60).validation
    prompts = [row.prompt for row in rows]
    with torch.no_grad():
        found = continued(base.model, prompts, 12, base.tokenizer.eos_token_id, base.tokenizer.pad_token_id)
        for prompt, tokens_ in zip(prompts, found, strict=True):
            ids = base.model.generate(torch.tensor([prompt]), do_sample=False, max_new_tokens=12)
            assert ids[0, len(prompt) :].tolist() == tokens_


class Scripted:
    """Says what it is told to, row by row."""

    device, training = CPU, True

    def __init__(self, *answers: list[int]) -> None:
        self._answers, self._step = answers, 0

    def eval(self) -> None: ...

    def train(self, mode: bool) -> None: ...

    def __call__(self, **inputs: Any) -> Any:
        logits = torch.zeros(len(self._answers), 1, 50)
        for row, answer in enumerate(self._answers):
            logits[row, 0, answer[min(self._step, len(answer) - 1)]] = 1.0
        self._step += 1
        return types.SimpleNamespace(logits=logits, past_key_values=None)


BOS, EOS, PAD, ROLE = 1, 2, 3, 4


@pytest.fixture
def bleed() -> Bleed:
    """Prompts that begin with BOS 10 11, and answers of two tokens."""
    tokenizer = types.SimpleNamespace(
        eos_token_id=EOS,
        pad_token_id=PAD,
        all_special_ids=[BOS, EOS, PAD],
        added_tokens_decoder={ROLE: types.SimpleNamespace(special=True), 20: types.SimpleNamespace(special=False)},
    )
    return Bleed([Tokens((BOS, 10, 11, 30 + row), (20, EOS)) for row in range(4)], tokenizer)


@pytest.mark.parametrize(
    ("answers", "bleeds", "runs_on"),
    [
        ([[20, EOS]] * 4, 0.0, 0.0),
        ([[20, EOS, 10, 11]] * 4, 0.0, 0.0),  # what comes behind the end is nobody's
        ([[20, EOS], [20, EOS], [20, EOS], [21]], 0.25, 0.25),
        ([[20, EOS], [20, EOS], [20, 10, 11, EOS], [20, ROLE, EOS]], 0.5, 0.0),
        ([[20, 10, 12, 11, EOS], [20, BOS, EOS], [*[20] * 17, EOS], [*[20] * 18, EOS]], 0.5, 0.25),
    ],
)
def test_answers_that_run_on_are_counted(bleed: Bleed, answers: list[list[int]], bleeds: float, runs_on: float) -> None:
    assert bleed.measure(Scripted(*answers)) == {"bleed_rate": bleeds, "run_on_rate": runs_on}


def test_training_teaches_where_to_end(config: TrialConfig, tmp_path: Path) -> None:
    asked = probed(config, "bleed", training={"max_steps": 40, "eval_steps": 10})
    found = run(sft.make(Resources()), asked, tmp_path)
    assert rungs(found, "run_on_rate")[-1] < 0.5


def test_a_reference_ignores_probes(config: TrialConfig, tmp_path: Path) -> None:
    assert reference_of(probed(config, *ALL)) == reference_of(config)
    events = run(sft.make(Resources()), probed(config, *ALL, training={"max_steps": 0}), tmp_path)
    assert not {"bleed_rate", "base_drift"} & set(events[-2].values)  # type: ignore[union-attr]
