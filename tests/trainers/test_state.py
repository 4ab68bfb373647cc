"""A trial that pauses at its rungs and goes on elsewhere computes what it would have anyway."""

from __future__ import annotations

import dataclasses
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from trainers import auto, sft
from trainers.durable import is_whole
from trainers.registry import Resources, goes_on_from
from trainers.seam import Blocked, Command, Event, GoOn, Logged, Pause, Paused, Rung, Saved, Start, Stop, Worker
from trainers.trial import TrialConfig

STEPS = 13


@pytest.fixture
def config(micro_trial: Callable[..., TrialConfig]) -> TrialConfig:
    """Four batches an epoch, so that some rungs lie at an epoch's end and others within one."""
    return micro_trial(dropout=0.1, learning_rate=5e-3, max_steps=STEPS, eval_steps=2, logging_steps=3)


def calm(config: TrialConfig, folder: Path) -> list[Event]:
    trainer, commands, events = sft.make(Resources()), [start(config, folder, 0)], []
    while commands:
        new = list(trainer.advance(commands))
        events += new
        ends = isinstance(new[-1], Rung) and new[-1].step == STEPS
        commands = [(Stop if ends else GoOn)("t")] if isinstance(new[-1], Rung) else []
    return events


def start(config: TrialConfig, folder: Path, step: int) -> Any:
    return Start("t", config, str(folder / "adapter"), str(folder / "state"), step)


def disturbed(config: TrialConfig, folder: Path) -> list[Event]:
    """Pauses at every rung, and goes on in a new trainer after something else has drawn random numbers."""
    events, at = [], 0
    while at < STEPS:
        trainer = sft.make(Resources())
        events += list(trainer.advance([start(config, folder, at)]))
        at = events[-1].step  # type: ignore[union-attr]
        events += list(trainer.advance([(Stop if at == STEPS else Pause)("t")]))
        random.random(), torch.rand(3)
    return events


def measured(events: list[Event]) -> list[Any]:
    return [
        (type(event).__name__, event.step, {key: value for key, value in event.values.items() if key != "tokens_per_s"})
        for event in events
        if isinstance(event, (Logged, Rung))
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"quantization": {"name": "nf4"}},
        {"training": {"gradient_accumulation_steps": 2, "lr_scheduler_type": "cosine", "warmup_steps": 3}},
        {"training": {"optim": "adamw_bnb_8bit"}, "lora": {"use_rslora": True}},
        {"lora": {"kwargs": {"use_dora": True}}},
        {"training": {"packing": True}},
        {
            "training": {
                "lr_scheduler_type": "reduce_lr_on_plateau",
                "lr_scheduler_kwargs": {"patience": 1, "threshold": 0.99},
            }
        },
        {"training": {"probes": ["logits", "bleed", "drift"]}},
        {"training": {"train_sampling_strategy": "group_by_length", "neftune_noise_alpha": 5.0}},
    ],
    ids=lambda item: "-".join(item) or "plain",
)
def test_pausing_changes_nothing(config: TrialConfig, tmp_path: Path, changes: dict[str, Any]) -> None:
    groups = {group: dataclasses.replace(getattr(config, group), **values) for group, values in changes.items()}
    asked = dataclasses.replace(config, **groups)
    undisturbed = measured(calm(asked, tmp_path / "calm"))
    assert [step for kind, step, _ in undisturbed if kind == "Logged"] == [3, 6, 9, 12]
    events = disturbed(asked, tmp_path / "disturbed")
    assert sum(isinstance(event, Paused) for event in events) == 6
    assert sorted(measured(events), key=repr) == sorted(undisturbed, key=repr)


def test_only_the_state_to_go_on_from_is_kept(config: TrialConfig, tmp_path: Path) -> None:
    disturbed(config, tmp_path)
    assert [item.name for item in (tmp_path / "state").iterdir()] == ["12"]
    (tmp_path / "state" / "14").mkdir()  # left by a worker that died before anybody knew
    list(sft.make(Resources()).advance([start(config, tmp_path, 12)]))
    assert [item.name for item in (tmp_path / "state").iterdir()] == ["12"]


MAKERS = [lambda: sft.make(Resources()), lambda: auto.make(Resources(capacity=1))]
made_by = pytest.mark.parametrize("make", MAKERS, ids=["sft", "packed"])


def advance(trainer: Worker, config: TrialConfig, folder: Path, from_step: int = 0, until: int = STEPS) -> list[Event]:
    """Trains, every rung's state saved, until it waits at a rung beyond which it does not go: as if it had died."""
    commands: list[Command] = [start(config, folder, from_step)]
    events: list[Event] = []
    while commands:
        new = list(trainer.advance(commands))
        events += new
        rungs = [event.step for event in new if isinstance(event, Rung)]
        commands = [GoOn("t", save=True)] if rungs and rungs[-1] < until else []
        commands = [Stop("t")] if rungs == [STEPS] else commands
    return events


@made_by
def test_what_dies_goes_on_from_its_last_rung(config: TrialConfig, tmp_path: Path, make: Callable[[], Worker]) -> None:
    undisturbed = advance(make(), config, tmp_path / "calm")
    saved = [event.step for event in undisturbed if isinstance(event, Saved)]
    assert saved == [2, 4, 6, 8, 10, 12]
    spent = [event.seconds for event in undisturbed if isinstance(event, Saved)]
    assert spent == sorted(spent) and spent[0] > 0  # type: ignore[type-var, operator]
    events: list[Event] = []
    for at, died in ((0, 6), (4, 10), (8, STEPS)):  # it had waited at step 6 when it died: its last state is of step 4
        events += advance(make(), config, tmp_path / "s", at, died)
        states = {int(item.name) for item in (tmp_path / "s" / "state").iterdir()}
        assert died == STEPS or states == {died - 2, died - 4} - {0}
    found = {(kind, step): values for kind, step, values in measured(events)}
    assert found == {(kind, step): values for kind, step, values in measured(undisturbed)}


@made_by
def test_fewer_rows_at_a_time_are_the_same_update(
    config: TrialConfig, tmp_path: Path, make: Callable[[], Worker]
) -> None:
    """As after an out-of-memory: half the micro-batch, twice the accumulation, from the last state on."""
    config = dataclasses.replace(config, lora=dataclasses.replace(config.lora, dropout=0.0))
    whole = {(kind, step): values for kind, step, values in measured(advance(make(), config, tmp_path / "whole"))}
    advance(make(), config, tmp_path / "s", 0, 6)
    batches = {"per_device_train_batch_size": 2, "gradient_accumulation_steps": 2, "per_device_eval_batch_size": 3}
    halves = dataclasses.replace(config, training=dataclasses.replace(config.training, **batches))
    rest = measured(advance(make(), halves, tmp_path / "s", 4))
    assert next(step for kind, step, _ in rest if kind == "Rung") == 6
    for kind, step, values in rest:
        assert values == pytest.approx(whole[kind, step], rel=2e-5)


DAMAGE: dict[str, Callable[[Path], object]] = {
    "short": lambda file: file.write_bytes(file.read_bytes()[:-1]),
    "changed": lambda file: file.write_bytes(file.read_bytes()[:-1] + bytes([file.read_bytes()[-1] ^ 1])),
    "missing": lambda file: file.unlink(),
    "more": lambda file: (file.parent / "more").touch(),
    "unsealed": lambda file: (file.parent / "checksums.json").unlink(),
}


@made_by
def test_a_damaged_state_is_none(config: TrialConfig, tmp_path: Path, make: Callable[[], Worker]) -> None:
    advance(make(), config, tmp_path, 0, 4)
    state = tmp_path / "state" / "2"
    assert is_whole(state) and goes_on_from("auto", state)
    for name, damage in DAMAGE.items():
        folder = tmp_path / name
        shutil.copytree(state, folder)
        damage(max(folder.iterdir(), key=lambda file: file.stat().st_size))
        assert not is_whole(folder) and not goes_on_from("auto", folder), name


@made_by
def test_a_full_disk_is_waited_for(
    config: TrialConfig, tmp_path: Path, make: Callable[[], Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    """States and adapters are written as soon as there is room, and nothing else changes."""
    undisturbed = measured(advance(make(), config, tmp_path / "calm"))
    monkeypatch.setattr("trainers.patience._RETRY_S", 0.0)
    full = [OSError(28, "No space left on device"), RuntimeError("[enforce fail at inline_container.cc:672] .")] * 2

    def fsync(handle: int) -> None:
        if full:
            raise full.pop()

    monkeypatch.setattr("trainers.durable.os.fsync", fsync)
    events = advance(make(), config, tmp_path / "s")
    assert measured(events) == undisturbed
    assert sum(isinstance(event, Blocked) for event in events) == 4
    assert [event.step for event in events if isinstance(event, Saved)] == [2, 4, 6, 8, 10, 12]


class Payload:
    """Touches a file when it is unpickled."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> Any:
        return Path.touch, (self.file,)


def test_a_state_is_read_and_never_run(config: TrialConfig, tmp_path: Path) -> None:
    trainer = sft.make(Resources())
    (at,) = [event.step for event in trainer.advance([start(config, tmp_path, 0)]) if isinstance(event, Rung)]
    list(trainer.advance([Pause("t")]))
    state, payload = tmp_path / "state" / str(at), Payload(tmp_path / "executed")
    planted = [
        name
        for name in ("optimizer.pt", "scheduler.pt", "rng_state.pth", "training_args.bin")
        if (state / name).exists()
    ]
    assert {"optimizer.pt", "scheduler.pt", "rng_state.pth"} <= set(planted)
    for name in (*planted, "adapter_model.bin"):
        torch.save(payload, state / name)
    whole = (state / "adapter_model.safetensors").rename(tmp_path / "kept.safetensors")
    list(sft.make(Resources()).advance([start(config, tmp_path, at)]))
    assert not payload.file.exists()
    if state.exists():  # the weights as they were: what comes after them is reached
        whole.rename(state / "adapter_model.safetensors")
        list(sft.make(Resources()).advance([start(config, tmp_path, at)]))
    assert not payload.file.exists()
