"""What is a slot's own stays its own: bit for bit, whoever is beside it, wherever it sits, whenever it joined."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from packs import Drive, Found, GoOn, Pause, Stop, to_the_end, with_lora
from peft import PeftModel

from trainers import base_model, data, tokens
from trainers.completion import completion_logits
from trainers.evaluation import measured, measured_slots
from trainers.packed import state
from trainers.packed.pack import Pack
from trainers.packed.slots import Slots
from trainers.packed.trainer import PackedTrainer
from trainers.registry import Resources
from trainers.seam import Evicted, Failed, Room, Rung, Start
from trainers.token_loss import right_padded
from trainers.trial import TrialConfig

Made = Callable[..., TrialConfig]
CPU = torch.device("cpu")


def some(micro_trial: Made) -> dict[str, TrialConfig]:
    """Trials of several lengths, ranks, layers and dropouts."""
    made = {}
    kinds = itertools.product((4, 8), (0.0, 0.1), (9, 6))
    for seed, (r, dropout, steps) in enumerate(kinds):
        layers = ["q_proj", "down_proj"] if seed % 3 == 0 else "all-linear"
        one = micro_trial(
            dropout=dropout, learning_rate=3e-3, seed=seed, max_steps=steps, eval_steps=3, logging_steps=2
        )
        made[f"t{seed}"] = with_lora(one, r=r, alpha=2 * r, target_modules=layers)
    return made


def packed(folder: Path, asked: dict[str, TrialConfig], capacity: int = 3) -> Drive:
    drive = Drive(PackedTrainer(Resources(capacity=capacity)), folder, asked)
    drive.run()
    return drive


def numbers(found: dict[str, Found]) -> dict[str, Any]:
    return {name: one.numbers for name, one in found.items()}


@pytest.fixture
def calm(micro_trial: Made, tmp_path: Path) -> dict[str, Any]:
    """Every trial beside empty slots."""
    return {
        name: packed(tmp_path / "calm", {name: config}).found[name].numbers
        for name, config in some(micro_trial).items()
    }


def test_neighbours_slots_and_the_moment_of_joining_change_nothing(
    micro_trial: Made, tmp_path: Path, calm: dict[str, Any]
) -> None:
    asked = some(micro_trial)
    orders = (list(asked), list(reversed(asked)), ["t3", "t0", "t6", "t1", "t7", "t2", "t5", "t4"])
    for turn, order in enumerate(orders):
        drive = packed(tmp_path / str(turn), {name: asked[name] for name in order})
        assert {name: drive.found[name].numbers for name in asked} == calm
        assert max(map(len, drive.joined)) == 3  # the room was used


def test_pausing_changes_nothing(micro_trial: Made, tmp_path: Path, calm: dict[str, Any]) -> None:
    """Every trial pauses at every rung, and goes on beside others, in whatever slot is free, on another worker."""
    asked = some(micro_trial)
    found: dict[str, Found] = {name: Found() for name in asked}
    paused: list[str] = list(asked)
    for _ in range(4):
        drive = Drive(PackedTrainer(Resources(capacity=3)), tmp_path, {name: asked[name] for name in reversed(paused)})
        ends = to_the_end(drive.found)
        drive.run(lambda rung, ends=ends: Pause(rung.trial) if isinstance(ends(rung), GoOn) else ends(rung))  # type: ignore[misc]
        for name, one in drive.found.items():
            found[name].curve |= one.curve
            found[name].rungs |= one.rungs
        paused = [name for name in paused if type(drive.found[name].left[-1]).__name__ == "Paused"]
    assert not paused and numbers(found) == calm


def test_a_trial_that_diverges_leaves_the_others_alone(micro_trial: Made, tmp_path: Path, calm: dict[str, Any]) -> None:
    asked = some(micro_trial)
    wild = dataclasses.replace(asked["t1"], training=dataclasses.replace(asked["t1"].training, learning_rate=1e38))
    drive = Drive(PackedTrainer(Resources(capacity=3)), tmp_path, {"wild": wild, **asked})
    ends = to_the_end(drive.found)
    drive.run(lambda rung: Stop(rung.trial) if rung.trial == "wild" else ends(rung))
    assert {name: drive.found[name].numbers for name in asked} == calm
    (step,) = drive.found["wild"].rungs
    assert step < 3 and "eval_loss" not in drive.found["wild"].rungs[step]  # stopped at once, not at its first rung


def test_running_out_of_memory_shrinks_the_pack(
    micro_trial: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = {
        name: dataclasses.replace(one, model=dataclasses.replace(one.model, cache_dir=str(tmp_path / "cache")))
        for name, one in some(micro_trial).items()
    }
    real, passes = Pack.backward, []

    def backward(self: Pack, *arguments: Any) -> torch.Tensor:
        passes.append(self.shape.slots)
        if self.shape.slots > 2 and len(passes) > 4:
            raise torch.OutOfMemoryError("no room for so many")
        return real(self, *arguments)

    monkeypatch.setattr(Pack, "backward", backward)
    monkeypatch.setattr("trainers.packed.capacity.measured", lambda passing, device: 4)
    drive = Drive(PackedTrainer(Resources()), tmp_path, asked)
    drive.run()
    evicted = [event for one in drive.found.values() for event in one.left if isinstance(event, Evicted)]
    assert len(evicted) == 2 and {event.step for event in evicted} == {4} and set(passes) == {4, 2}
    monkeypatch.undo()
    for name, one in drive.found.items():
        alone = packed(tmp_path / "alone", {name: asked[name]}, capacity=2).found[name]
        assert one.rungs.keys() == alone.rungs.keys() and one.curve.keys() == alone.curve.keys()
        for step, values in alone.rungs.items():  # all but the shape of the first four passes is the same
            assert one.rungs[step] == pytest.approx(values, rel=1e-4)
    assert list((tmp_path / "cache/capacity.json").read_text().split()).count("2") == 1


def test_a_pack_that_does_not_fit_is_made_smaller(
    micro_trial: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Pack.__init__

    def made(self: Pack, model: Any, places: Any, shape: Any, pad: int) -> None:
        if shape.slots > 2:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes")
        real(self, model, places, shape, pad)

    monkeypatch.setattr(Pack, "__init__", made)
    drive = packed(tmp_path, some(micro_trial), capacity=8)
    assert {one.facts["pack.slots"] for one in drive.found.values()} == {2}
    assert all(one.steps in one.rungs for one in drive.found.values())


def test_what_does_not_fit_alone_has_run_out_of_memory(
    micro_trial: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def backward(*arguments: Any) -> torch.Tensor:
        raise torch.OutOfMemoryError("no room at all")

    monkeypatch.setattr(Pack, "backward", backward)
    config = micro_trial(learning_rate=1e-3, max_steps=3)
    config = dataclasses.replace(config, model=dataclasses.replace(config.model, cache_dir=str(tmp_path)))
    (left,) = packed(tmp_path, {"one": config}, capacity=1).found["one"].left
    assert isinstance(left, Failed) and (left.outcome, left.reason) == ("out_of_memory", "no room at all")


def test_an_evaluation_that_does_not_fit_is_made_of_smaller_passes(
    micro_trial: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = some(micro_trial)
    whole = packed(tmp_path / "whole", asked).found
    real, asked_for = measured_slots, []

    def few(*asked: Any, slots: int) -> Any:
        asked_for.append(slots)
        if slots > 1:
            raise torch.OutOfMemoryError("too many")
        return real(*asked, slots=slots)

    monkeypatch.setattr("trainers.packed.measuring.measured_slots", few)
    found = packed(tmp_path / "parts", asked).found
    assert set(asked_for) == {3, 1}
    for name, one in whole.items():
        for step, values in one.rungs.items():
            assert found[name].rungs[step] == pytest.approx(values, rel=1e-5)


def test_the_base_stays_and_padding_stays_zero_and_every_layer_learns(micro_trial: Made, tmp_path: Path) -> None:
    asked = some(micro_trial)
    trainer = PackedTrainer(Resources(capacity=8))
    base = trainer._loaded.base(asked["t0"])
    before = {name: value.clone() for name, value in base.model.state_dict().items()}
    drive = Drive(trainer, tmp_path, asked)
    seen: list[str] = []

    def decide(rung: Rung) -> Any:
        seats = trainer._seats
        assert seats is not None
        slot, run = seats.of(rung.trial)
        r = run.config.lora.r
        for name, layer in seats.slots.pack.layers.items():
            a, b = layer.a.data[slot], layer.b.data[slot]
            assert not a[r:].any() and not b[:, r:].any()
            assert bool(b[:, :r].any()) == (name in run.targets.names)  # B begins at zero: it has had gradients
            assert bool(a.any()) == (name in run.targets.names)
        seen.append(rung.trial)
        return to_the_end(drive.found)(rung)

    drive.run(decide)
    assert set(seen) == set(asked)
    after = base.model.state_dict()
    assert before.keys() == after.keys() and all(torch.equal(value, after[name]) for name, value in before.items())


def test_a_slot_exports_what_peft_loads(micro_trial: Made, tmp_path: Path) -> None:
    asked = {name: config for name, config in some(micro_trial).items() if name in {"t2", "t6", "t7"}}
    drive = Drive(PackedTrainer(Resources(capacity=3)), tmp_path, asked)
    drive.run(lambda rung: (Stop if rung.step >= drive.found[rung.trial].steps else GoOn)(rung.trial, keep=True))
    for name, config in asked.items():
        base = base_model.load(config.model, config.quantization, CPU)
        rows = tokens.tokenize(data.load(config.data), base.tokenizer, config.training.max_length)
        model = PeftModel.from_pretrained(base.model, str(tmp_path / name / "adapter"))
        saved = model.peft_config["default"]
        assert (saved.r, saved.lora_alpha, saved.task_type) == (config.lora.r, config.lora.alpha, "CAUSAL_LM")
        values = measured(model, rows, base.tokenizer, config.data, 64).values
        assert values == pytest.approx(drive.found[name].rungs[drive.found[name].steps], rel=1e-5)
        logits, _ = completion_logits(model, *right_padded(rows.validation, 0, CPU))
        with model.disable_adapter():
            plain, _ = completion_logits(model, *right_padded(rows.validation, 0, CPU))
        assert not torch.allclose(logits, plain, atol=1e-3)


def test_room_is_offered_until_nobody_comes(micro_trial: Made, tmp_path: Path) -> None:
    config = micro_trial(learning_rate=1e-3, max_steps=4, eval_steps=2)
    worker = PackedTrainer(Resources(capacity=3))
    start = lambda name: Start(name, config, str(tmp_path / name), str(tmp_path / name))  # noqa: E731
    kinds = lambda *commands: [type(event).__name__ for event in worker.advance(commands)]  # noqa: E731
    assert kinds(start("a")) == ["Began", "Room"]
    assert kinds(start("b")) == ["Began", "Room"]
    assert kinds(GoOn("a")) == ["Confused", "Rung"] * 2
    assert kinds(Stop("a")) == ["Ended"]  # b still waits
    assert list(worker.advance([GoOn("b")])) == [Room(2)]
    assert kinds(start("c"), start("d")) == ["Began", "Began", *["Confused", "Rung"] * 3]
    assert kinds(Stop("b"), Stop("c"), Stop("d")) == ["Ended"] * 3


def test_a_state_is_never_written_into_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    with pytest.raises(ValueError, match="a folder of its own"):
        state.save(Path(), 3, {}, {})
    state.save(tmp_path, 3, {}, {"a": torch.zeros(1)})
    state.save(tmp_path, 7, {}, {"a": torch.ones(1)})
    assert sorted(item.name for item in tmp_path.iterdir()) == ["3", "7", "mine"]  # nobody may know of the new one yet
    state.save(tmp_path, 11, {}, {"a": torch.ones(1)})
    assert sorted(item.name for item in tmp_path.iterdir()) == ["11", "7", "mine"]


def four(micro_trial: Made, tmp_path: Path) -> dict[str, TrialConfig]:
    """The first four, which log at every step, with a memory of their own for what fits."""
    found = dict(itertools.islice(some(micro_trial).items(), 4))
    return {
        name: dataclasses.replace(
            one,
            model=dataclasses.replace(one.model, cache_dir=str(tmp_path / "cache")),
            training=dataclasses.replace(one.training, logging_steps=1),
        )
        for name, one in found.items()
    }


@pytest.mark.parametrize(("where", "at"), [("step", 3), ("step", 6), ("norms", 3), ("norms", 6), ("norms", 9)])
def test_an_update_that_memory_does_not_last_for_is_taken_again(
    micro_trial: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str, at: int
) -> None:
    """What is in the slots then is of no use: all trials go back to their states on disk, half of them at a time."""
    asked, calls = four(micro_trial, tmp_path), []
    undisturbed = packed(tmp_path / "calm", asked, capacity=4).found
    owner, name = (torch.Tensor, "sqrt") if where == "step" else (Slots, "norms")
    real = getattr(owner, name)

    def fails(self: Any, *arguments: Any) -> Any:
        if where == "norms" or (self.ndim == 2 and len(self) == 4):
            calls.append(1)
            if len(calls) == at:
                raise torch.OutOfMemoryError("no room for a temporary")
        return real(self, *arguments)

    monkeypatch.setattr(owner, name, fails)
    drive = Drive(PackedTrainer(Resources(capacity=4)), tmp_path / "disturbed", asked)
    ends = to_the_end(drive.found)
    drive.run(lambda rung: dataclasses.replace(ends(rung), save=True) if isinstance(ends(rung), GoOn) else ends(rung))
    monkeypatch.undo()
    assert len(calls) >= at
    for trial, one in drive.found.items():
        assert one.rungs.keys() == undisturbed[trial].rungs.keys(), trial
        assert one.curve.keys() == undisturbed[trial].curve.keys(), trial
        for step, values in undisturbed[trial].rungs.items():
            assert one.rungs[step] == pytest.approx(values, rel=1e-4)


@pytest.mark.parametrize("times", [1, 2])
def test_a_pack_that_cannot_be_moved(
    micro_trial: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    """Neither with the layers of who joins, nor (the second time) back to what it was."""
    asked, made = four(micro_trial, tmp_path), []
    undisturbed = packed(tmp_path / "calm", asked, capacity=4).found
    real = Pack.__init__

    def fails(self: Pack, *arguments: Any) -> None:
        made.append(1)
        if 2 <= len(made) < 2 + times:
            raise torch.OutOfMemoryError("no room to move")
        real(self, *arguments)

    monkeypatch.setattr(Pack, "__init__", fails)
    drive = Drive(PackedTrainer(Resources(capacity=4)), tmp_path / "disturbed", asked)
    drive.run()
    monkeypatch.undo()
    failures = [event for one in drive.found.values() for event in one.left if isinstance(event, Failed)]
    assert {event.outcome for event in failures} <= {"out_of_memory"} and len(made) > 2  # those are tried again
    for trial, one in drive.found.items():
        for step, values in undisturbed[trial].rungs.items() if not failures else ():
            assert one.rungs[step] == pytest.approx(values, rel=1e-4)
