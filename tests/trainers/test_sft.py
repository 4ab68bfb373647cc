"""The reference trainer, against TRL alone, on a micro model."""

from __future__ import annotations

import dataclasses
import gc
import math
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import peft
import pytest
import torch
import transformers
import trl
from datasets import Dataset
from safetensors.torch import load_file

from trainers import base_model, data, evaluation, sft, tokens
from trainers.lean_sft import LeanSftTrainer
from trainers.registry import Resources
from trainers.seam import Began, Ended, Event, Failed, GoOn, Logged, Rung, Start, Stop
from trainers.trial import Quantization, TrialConfig, reference_of

CPU = torch.device("cpu")


@pytest.fixture
def config(micro_trial: Callable[..., TrialConfig]) -> TrialConfig:
    training = {"learning_rate": 5e-3, "max_steps": 6, "eval_steps": 2, "logging_steps": 1, "weight_decay": 0.01}
    return micro_trial(template="feel: {text} ->", **training)


def changed(config: TrialConfig, **groups: dict[str, Any]) -> TrialConfig:
    made = {group: dataclasses.replace(getattr(config, group), **values) for group, values in groups.items()}
    return dataclasses.replace(config, **made)


def run(
    trainer: sft.SftTrainer, config: TrialConfig, folder: Path, keep: Sequence[int] = (), stop: int | None = None
) -> list[Event]:
    """Plays the driver: keeps the adapter at some steps, stops at one."""
    events: list[Event] = []
    commands: list[Any] = [Start("t", config, str(folder / "adapter"))]
    while commands:
        new = list(trainer.advance(commands))
        events += new
        commands = []
        if isinstance(new[-1], Rung):
            step = new[-1].step
            ends = step >= config.training.max_steps or step == stop or not math.isfinite(sum(new[-1].values.values()))
            commands = [(Stop if ends else GoOn)("t", step in keep)]
    return events


def curve(events: list[Event], key: str = "loss") -> list[float]:
    return [event.values[key] for event in events if isinstance(event, Logged)]


def losses(events: list[Event]) -> list[tuple[int, float]]:
    return [(event.step, event.values["eval_loss"]) for event in events if isinstance(event, Rung)]


def test_the_shape_of_a_trial(config: TrialConfig, tmp_path: Path) -> None:
    events = run(sft.make(Resources()), config, tmp_path, keep=[6])
    began, end = events[0], events[-1]
    assert isinstance(began, Began) and began.steps == 6 and began.facts["trainable_parameters"] > 0
    assert [step for step, _ in losses(events)] == [2, 4, 6]
    assert isinstance(end, Ended) and end.step == 6 and end.seconds > 0 and (end.peak_memory_mib or 0) > 10
    logged = [event for event in events if isinstance(event, Logged)]
    assert [event.step for event in logged] == [1, 2, 3, 4, 5, 6]
    assert set(logged[0].values) == {"loss", "learning_rate", "grad_norm", "adapter_norm", "tokens_per_s"}
    assert all(event.values["tokens_per_s"] > 0 and event.values["adapter_norm"] > 0 for event in logged)
    assert losses(events)[-1][1] < losses(events)[0][1]


def trl_alone(config: TrialConfig) -> tuple[list[dict[str, float]], float]:
    """The same trial as a user of TRL would write it."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(config.model.path)
    rows = data.load(config.data)
    args = trl.SFTConfig(
        output_dir=tempfile.mkdtemp(),
        learning_rate=config.training.learning_rate,
        lr_scheduler_type=config.training.lr_scheduler_type,
        weight_decay=config.training.weight_decay,
        gradient_accumulation_steps=config.training.gradient_accumulation_steps,
        per_device_train_batch_size=config.training.per_device_train_batch_size,
        optim=config.training.optim,
        max_steps=config.training.max_steps,
        max_length=config.training.max_length,
        logging_steps=1,
        seed=config.training.seed,
        activation_checkpointing=False,
        use_cpu=True,
        bf16=False,
        save_strategy="no",
        disable_tqdm=True,
    )
    trainer = trl.SFTTrainer(
        model=transformers.AutoModelForCausalLM.from_pretrained(config.model.path),
        args=args,
        train_dataset=Dataset.from_list([{"prompt": row.prompt, "completion": row.completion} for row in rows.train]),
        processing_class=tokenizer,
        peft_config=peft.LoraConfig(
            r=config.lora.r,
            lora_alpha=config.lora.alpha,
            lora_dropout=config.lora.dropout,
            use_rslora=config.lora.use_rslora,
            target_modules=config.lora.target_modules,
            task_type="CAUSAL_LM",
        ),
    )
    trainer.train()
    made = dataclasses.replace(tokens.tokenize(rows, tokenizer, config.training.max_length), answers=[])
    loss = evaluation.measured(trainer.model, made, tokenizer, config.data, 4).values["eval_loss"]
    return [item for item in trainer.state.log_history if "loss" in item], loss


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"lora": {"dropout": 0.1}},
        {"lora": {"use_rslora": True}, "training": {"gradient_accumulation_steps": 2, "lr_scheduler_type": "cosine"}},
        {"lora": {"target_modules": ["q_proj", "v_proj"]}, "training": {"seed": 7}},
    ],
)
def test_it_equals_trl_alone(config: TrialConfig, tmp_path: Path, changes: dict[str, Any]) -> None:
    made = changed(config, **changes)
    events = run(sft.make(Resources()), made, tmp_path)
    history, loss = trl_alone(made)
    assert curve(events) == pytest.approx([item["loss"] for item in history], abs=1e-5)
    assert curve(events, "grad_norm") == pytest.approx([float(item["grad_norm"]) for item in history], rel=1e-3)
    assert curve(events, "learning_rate") == pytest.approx([item["learning_rate"] for item in history])
    assert losses(events)[-1][1] == pytest.approx(loss, abs=1e-5)


def test_tokens_are_those_of_trl(config: TrialConfig) -> None:
    tokenizer = transformers.AutoTokenizer.from_pretrained(config.model.path)
    rows = data.load(config.data)
    trainer = trl.SFTTrainer(
        model=transformers.AutoModelForCausalLM.from_pretrained(config.model.path),
        args=trl.SFTConfig(output_dir=tempfile.mkdtemp(), use_cpu=True, bf16=False, max_length=20),
        train_dataset=Dataset.from_list([{"prompt": row.prompt, "completion": row.completion} for row in rows.train]),
        processing_class=tokenizer,
    )
    ours = [row.row() for row in tokens.tokenize(rows, tokenizer, 20).train]
    theirs = [{key: row[key] for key in ("input_ids", "labels")} for row in trainer.train_dataset]
    assert ours == theirs


def test_the_base_is_as_new_for_the_next_trial(config: TrialConfig, tmp_path: Path) -> None:
    trainer = sft.make(Resources())
    first = run(trainer, config, tmp_path)
    run(trainer, changed(config, lora={"r": 8, "target_modules": ["q_proj"]}), tmp_path)
    run(trainer, changed(config, lora={"bias": "all"}), tmp_path)
    again = run(trainer, config, tmp_path)
    assert losses(again) == losses(first) and curve(again) == curve(first)


def test_the_kept_adapter_is_the_checkpoint_of_its_rung(config: TrialConfig, tmp_path: Path) -> None:
    events = run(sft.make(Resources()), config, tmp_path, keep=[2, 4])
    base = transformers.AutoModelForCausalLM.from_pretrained(config.model.path)
    tokenizer = transformers.AutoTokenizer.from_pretrained(config.model.path)
    model = peft.PeftModel.from_pretrained(base, tmp_path / "adapter")
    made = tokens.tokenize(data.load(config.data), tokenizer, config.training.max_length)
    values = evaluation.measured(model, made, tokenizer, config.data, 64).values
    assert values["eval_loss"] == pytest.approx(dict(losses(events))[4], abs=1e-6)
    assert [path.name for path in tmp_path.iterdir()] == ["adapter"]


def test_a_stopped_trial_stops(config: TrialConfig, tmp_path: Path) -> None:
    events = run(sft.make(Resources()), config, tmp_path, stop=4)
    assert [step for step, _ in losses(events)] == [2, 4]
    assert isinstance(events[-1], Ended) and events[-1].step == 4


def test_the_reference_is_the_untrained_base(config: TrialConfig, tmp_path: Path) -> None:
    began, _, rung, end = run(sft.make(Resources()), reference_of(config), tmp_path)
    frozen = run(sft.make(Resources()), changed(config, training={"learning_rate": 1e-12}), tmp_path)
    assert isinstance(began, Began) and began.steps == 0 and isinstance(end, Ended)
    assert isinstance(rung, Rung) and rung.values["eval_loss"] == pytest.approx(losses(frozen)[-1][1], abs=1e-5)


def test_the_reference_is_the_same_after_a_trial(config: TrialConfig, tmp_path: Path) -> None:
    trainer = sft.make(Resources())
    first = run(trainer, reference_of(config), tmp_path)
    run(trainer, config, tmp_path)
    assert losses(run(trainer, reference_of(config), tmp_path)) == losses(first)


def test_divergence_is_seen_at_its_step(config: TrialConfig, tmp_path: Path) -> None:
    events = run(sft.make(Resources()), changed(config, training={"learning_rate": 1e30}), tmp_path)
    last = [event for event in events if isinstance(event, Rung)][-1]
    assert last.step <= 2 and not all(math.isfinite(value) for value in last.values.values())


@pytest.mark.parametrize("max_grad_norm", [1.0, 0.0])
@pytest.mark.parametrize("quantity", ["loss", "grad_norm"])
def test_what_is_not_finite_is_seen_between_the_points_of_a_curve(
    config: TrialConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quantity: str, max_grad_norm: float
) -> None:
    rare = {"logging_steps": 10, "eval_steps": 20, "max_steps": 20, "max_grad_norm": max_grad_norm}
    real, calls = LeanSftTrainer.compute_loss, []

    def broken(self: Any, *arguments: Any, **named: Any) -> Any:
        calls.append(1)
        loss = real(self, *arguments, **named)
        if len(calls) == 3:
            return loss * math.inf if quantity == "loss" else loss + _Steep.apply(loss)
        return loss

    monkeypatch.setattr(LeanSftTrainer, "compute_loss", broken)
    events = run(sft.make(Resources()), changed(config, training=rare), tmp_path)
    (last,) = [event for event in events if isinstance(event, Rung)]
    assert last.step == 3 and not math.isfinite(last.values[quantity])


class _Steep(torch.autograd.Function):
    """Nothing, with an infinite slope."""

    @staticmethod
    def forward(context: Any, value: torch.Tensor) -> torch.Tensor:
        return torch.zeros_like(value)

    @staticmethod
    def backward(context: Any, gradient: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        return gradient * math.inf


def test_nothing_stays_behind_from_trial_to_trial(
    config: TrialConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many tensors after the fourth trial as after the second, whether trials end, break or run out of memory."""
    trainer, real = sft.make(Resources()), sft.measured
    counts = []
    for _ in range(4):
        run(trainer, config, tmp_path)
        with monkeypatch.context() as patched:
            patched.setattr(sft, "measured", _exhausted_at(3, real))
            assert isinstance(run(trainer, config, tmp_path)[-1], Failed)
        gc.collect()
        counts.append(sum(isinstance(item, torch.Tensor) for item in gc.get_objects()))
    assert counts[1] == counts[2] == counts[3]


def _exhausted_at(call: int, real: Callable[..., Any]) -> Callable[..., Any]:
    calls = iter(range(1, call + 1))

    def measured(*arguments: Any, **named: Any) -> Any:
        if next(calls) == call:
            raise torch.OutOfMemoryError("no room")
        return real(*arguments, **named)

    return measured


@pytest.mark.parametrize("quantization", ["nf4", "int8"])
def test_quantized_bases_train_float32_adapters(config: TrialConfig, tmp_path: Path, quantization: str) -> None:
    made = changed(config, quantization={"name": quantization})
    trainer = sft.make(Resources())
    first = run(trainer, made, tmp_path, keep=[6])
    assert isinstance(first[-1], Ended), first[-1]
    assert losses(first)[-1][1] < losses(first)[0][1]
    weights = load_file(tmp_path / "adapter" / "adapter_model.safetensors")
    assert {weight.dtype for weight in weights.values()} == {torch.float32}
    assert losses(run(trainer, made, tmp_path)) == losses(first)


def test_evaluating_an_nf4_base_changes_no_gradient(config: TrialConfig) -> None:
    base = base_model.load(config.model, Quantization("nf4"), CPU)
    rows = tokens.tokenize(data.load(config.data), base.tokenizer, 60)
    ids = torch.arange(3, 40)[None]

    def gradient() -> torch.Tensor:
        inputs = base.model.get_input_embeddings()(ids).detach().requires_grad_()
        base.model(inputs_embeds=inputs).logits.square().mean().backward()
        assert inputs.grad is not None
        return inputs.grad

    before = gradient()
    evaluation.measured(base.model, rows, base.tokenizer, config.data, 64)
    assert torch.equal(gradient(), before) and before.abs().sum() > 0


def test_nf4_really_quantizes(config: TrialConfig) -> None:
    base = base_model.load(config.model, Quantization("nf4"), CPU)
    assert base.model.model.layers[0].mlp.up_proj.weight.dtype == torch.uint8


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"lora": {"target_modules": ["c_attn"]}}, "c_attn"),
        ({"training": {"optim": "no_such"}}, "no_such"),
        ({"training": {"max_length": 3}}, "max_length=3"),
        ({"model": {"path": "/nowhere"}}, "/nowhere"),
    ],
)
def test_whatever_a_trial_raises_becomes_its_record(
    config: TrialConfig, tmp_path: Path, changes: dict[str, Any], reason: str
) -> None:
    trainer = sft.make(Resources())
    (failure,) = run(trainer, changed(config, **changes), tmp_path)
    assert isinstance(failure, Failed) and failure.outcome == "failed" and reason in failure.reason
    assert isinstance(run(trainer, config, tmp_path)[-1], Ended)  # and the next one trains


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("You are trying to access a gated repo.\nMake sure", "accept its licence at https://huggingface.co/org/model"),
        ("org/model is not a local folder\nIf this is a private repository", "needs `hf auth login`"),
        ("something else", "something else"),
    ],
)
def test_a_model_that_may_not_be_had_is_explained(
    config: TrialConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, words: str
) -> None:
    def refuses(*args: Any, **kwargs: Any) -> Any:
        raise OSError(said)

    monkeypatch.setattr(transformers.AutoTokenizer, "from_pretrained", refuses)
    (failure,) = run(sft.make(Resources()), changed(config, model={"path": "org/model"}), tmp_path)
    assert isinstance(failure, Failed) and words in failure.reason


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:118] DefaultCPUAllocator: can't allocate memory: you tried"),
        MemoryError(),
    ],
)
def test_out_of_memory_is_its_own_outcome(
    config: TrialConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fails(*args: Any, **kwargs: Any) -> Any:
        raise error

    trainer = sft.make(Resources())
    with monkeypatch.context() as patched:
        patched.setattr(sft, "measured", fails)
        failure = run(trainer, config, tmp_path)[-1]
    assert isinstance(failure, Failed) and failure.outcome == "out_of_memory"
    assert isinstance(run(trainer, config, tmp_path)[-1], Ended)


def test_fields_passed_through_reach_the_libraries(config: TrialConfig, tmp_path: Path) -> None:
    plain = run(sft.make(Resources()), config, tmp_path)
    dora = run(sft.make(Resources()), changed(config, lora={"kwargs": {"use_dora": True}}), tmp_path, keep=[6])
    noisy = run(sft.make(Resources()), changed(config, training={"neftune_noise_alpha": 50}), tmp_path)
    assert isinstance(dora[-1], Ended) and isinstance(noisy[-1], Ended), (dora[-1], noisy[-1])
    assert curve(noisy)[0] != curve(plain)[0] and losses(noisy)[0][1] != losses(plain)[0][1]
    assert any("magnitude" in name for name in load_file(tmp_path / "adapter" / "adapter_model.safetensors"))


def test_packing_trains(config: TrialConfig, tmp_path: Path) -> None:
    events = run(
        sft.make(Resources()), changed(config, training={"packing": True, "per_device_train_batch_size": 1}), tmp_path
    )
    assert isinstance(events[-1], Ended), events[-1]
