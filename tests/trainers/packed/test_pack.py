"""A pack trains what TRL and PEFT train alone."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from trainers import adapter, base_model, data, sft, tokens
from trainers.packed import adamw, initial, targets
from trainers.packed.course import Course
from trainers.packed.pack import Pack, Shape
from trainers.registry import Resources
from trainers.seam import GoOn, Logged, Rung, Start, Stop
from trainers.trial import Quantization, TrialConfig

STEPS = 12


def changed(config: TrialConfig, quantization: str, lora: dict[str, Any]) -> TrialConfig:
    return dataclasses.replace(
        config, lora=dataclasses.replace(config.lora, **lora), quantization=Quantization(name=quantization)
    )


def trials(micro_trial: Callable[..., TrialConfig], quantization: str) -> list[TrialConfig]:
    """Trials that differ in all that a slot has of its own."""
    shared = {"max_steps": STEPS, "eval_steps": STEPS, "logging_steps": 1}
    plain = micro_trial(learning_rate=2e-3, warmup_steps=3, seed=1, **shared)
    decayed = micro_trial(learning_rate=1e-3, weight_decay=0.1, seed=2, lr_scheduler_type="cosine", **shared)
    piled = micro_trial(learning_rate=3e-3, gradient_accumulation_steps=2, max_grad_norm=0.1, seed=3, **shared)
    return [
        changed(plain, quantization, {"r": 4, "alpha": 8}),
        changed(decayed, quantization, {"r": 8, "alpha": 6, "use_rslora": True}),
        changed(piled, quantization, {"r": 2, "alpha": 4}),
    ]


def alone(config: TrialConfig, folder: Path) -> list[dict[str, float]]:
    """Returns what TRL logs at every step."""
    worker, found = sft.make(Resources()), []
    events: Iterator[Any] = worker.advance([Start("t", config, str(folder / "a"), str(folder / "s"))])
    while True:
        last = None
        for last in events:
            if isinstance(last, Logged):
                found.append(last.values)
        if not isinstance(last, Rung):
            return found
        events = worker.advance([Stop("t") if last.step >= STEPS else GoOn("t")])


class Packed:
    """The trials' slots over one base, and what they log."""

    def __init__(self, configs: list[TrialConfig], prefix: bool = False) -> None:
        torch.set_num_threads(1)
        self.configs = configs
        self.base = base_model.load(configs[0].model, configs[0].quantization, torch.device("cpu"))
        self.rows = tokens.tokenize(data.load(configs[0].data), self.base.tokenizer, 60).train
        length = max(len(row.prompt) + len(row.completion) for row in self.rows)
        shared = _prefix([row.prompt for row in self.rows]) if prefix else []
        first = min(len(row.prompt) for row in self.rows) - 1
        names = targets.names(self.base.model, configs[0].lora)
        shape = Shape(len(configs), 4, length, 8, first)
        self.pack = Pack(self.base.model, names, shape, self.base.tokenizer.pad_token_id, shared)
        for slot, config in enumerate(configs):
            self._begin(slot, config)
        self.moments = adamw.Moments.like(self.pack.weights)

    def _begin(self, slot: int, config: TrialConfig) -> None:
        layers = list(self.pack.layers.values())
        shapes = [(layer.base.in_features, layer.base.out_features) for layer in layers]
        drawn = initial.weights(shapes, config.lora.r, config.training.seed)
        for a, layer in zip(drawn, layers, strict=True):
            layer.a.data[slot, : config.lora.r] = a
            layer.scale[slot] = config.lora.realised_gain

    def train(self) -> list[list[tuple[float, float]]]:
        """Returns (loss, gradient norm) of every slot at every step."""
        settings = [config.training for config in self.configs]
        courses = [Course(len(self.rows), 4, item.gradient_accumulation_steps, item.seed) for item in settings]
        schedules = [_schedule(config) for config in self.configs]
        most = torch.tensor([item.max_grad_norm for item in settings])
        decays = torch.tensor([item.weight_decay for item in settings])
        found: list[list[tuple[float, float]]] = [[] for _ in settings]
        self.base.model.train()
        for number in range(STEPS):
            losses = self._backward([course.update(number) for course in courses])
            norms = adamw.clip(self.pack.gradients, most)
            rates = torch.tensor([item.get_last_lr()[0] for item in schedules])
            due = torch.ones(len(settings), dtype=torch.bool)
            adamw.step(self.pack.weights, self.pack.gradients, self.moments, adamw.Pace(rates, decays), due)
            self.pack.gradients.zero_()
            for item in schedules:
                item.optimizer.step()
                item.step()
            for slot, pair in enumerate(zip(losses.tolist(), norms.tolist(), strict=True)):
                found[slot].append(pair)
        return found

    def _backward(self, groups: list[list[list[int]]]) -> torch.Tensor:
        counts = [sum(len(self.rows[at].completion) for batch in group for at in batch) for group in groups]
        losses = torch.zeros(len(groups))
        for turn in range(max(map(len, groups))):
            batches = [[self.rows[at] for at in group[turn]] if turn < len(group) else [] for group in groups]
            losses += self.pack.backward(batches, counts)
        return losses


def _schedule(config: TrialConfig) -> Any:
    training = config.training
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=training.learning_rate)
    return transformers.get_scheduler(
        training.lr_scheduler_type, optimizer, int(training.warmup_steps), training.max_steps
    )


def _prefix(prompts: list[tuple[int, ...]]) -> list[int]:
    columns = zip(*prompts, strict=False)
    shared = []
    for column in columns:
        if len(set(column)) > 1:
            break
        shared.append(column[0])
    return shared[: min(map(len, prompts)) - 1]


@pytest.mark.parametrize(("quantization", "tolerance"), [("none", 1e-5), ("nf4", 1e-4)])
def test_every_slot_trains_as_alone(
    micro_trial: Callable[..., TrialConfig], tmp_path: Path, quantization: str, tolerance: float
) -> None:
    configs = trials(micro_trial, quantization)
    packed = Packed(configs).train()
    for slot, config in enumerate(configs):
        for step, (logged, (loss, norm)) in enumerate(zip(alone(config, tmp_path), packed[slot], strict=True)):
            assert loss == pytest.approx(logged["loss"], rel=tolerance), (slot, step)
            assert norm == pytest.approx(logged["grad_norm"], rel=10 * tolerance), (slot, step)


def test_a_slot_does_not_feel_its_neighbours_or_its_place(micro_trial: Callable[..., TrialConfig]) -> None:
    one, two, three = trials(micro_trial, "none")
    together, turned = Packed([one, two, three]).train(), Packed([three, one, one]).train()
    assert together[0] == turned[1] == turned[2] and together[2] == turned[0]


def test_a_shared_prefix_changes_nothing(micro_trial: Callable[..., TrialConfig]) -> None:
    template = "Say what the text feels, in one word. Text: {text} Answer:"
    made = lambda **training: micro_trial(template=template, **training)  # noqa: E731
    plain, shared = Packed(trials(made, "none")), Packed(trials(made, "none"), prefix=True)
    assert len(shared.pack._prefix) > 3
    for slow, fast in zip(plain.train(), shared.train(), strict=True):
        assert fast == [pytest.approx(pair, rel=1e-4) for pair in slow]


def test_padding_stays_zero_and_the_base_as_it_was(micro_trial: Callable[..., TrialConfig]) -> None:
    packed = Packed(trials(micro_trial, "none"))
    before = {name: value.clone() for name, value in packed.base.model.state_dict().items() if "base" in name}
    packed.train()
    assert all(torch.equal(value, packed.base.model.state_dict()[name]) for name, value in before.items()) and before
    for layer in packed.pack.layers.values():
        assert not layer.a[0, 4:].any() and not layer.b[0, :, 4:].any()
        assert all(layer.b[slot].any() for slot in range(3))  # every layer of every slot has learned


def test_initial_weights_are_pefts(micro_trial: Callable[..., TrialConfig]) -> None:
    config = trials(micro_trial, "none")[1]
    base = base_model.load(config.model, config.quantization, torch.device("cpu"))
    names = targets.names(base.model, config.lora)
    assert targets.is_packable(base.model, names)
    shapes = [
        (base.model.get_submodule(name).in_features, base.model.get_submodule(name).out_features) for name in names
    ]
    transformers.set_seed(config.training.seed)
    peft = adapter.attach(base.model, config.lora)
    theirs = [module.lora_A["default"].weight.data for module in peft.modules() if hasattr(module, "lora_A")]
    ours = list(initial.weights(shapes, config.lora.r, config.training.seed))
    assert len(ours) == len(theirs) and all(map(torch.equal, ours, theirs))
