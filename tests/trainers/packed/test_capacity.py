"""How many trials a pack has room for."""

from __future__ import annotations

import dataclasses
import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from packs import Drive

from trainers.packed import capacity, opening
from trainers.packed.trainer import PackedTrainer
from trainers.registry import Resources
from trainers.trial import TrialConfig

CPU = torch.device("cpu")


def passing(seconds: Callable[[int], float], room: int = 1000) -> capacity.Passing:
    """Passes that take as long as they are told, and fit as far as they are told."""

    def made(size: int) -> Callable[[], None]:
        if size > room:
            raise torch.OutOfMemoryError("no room")
        return lambda: time.sleep(seconds(size))

    return made


def test_a_pack_doubles_while_that_pays() -> None:
    assert (
        capacity.measured(passing(lambda size: 0.002 * size), CPU) == 1
    )  # a busy device: twice the work, twice the time
    assert capacity.measured(passing(lambda size: 0.002), CPU) == capacity.LIMIT  # an idle one
    assert capacity.measured(passing(lambda size: 0.004 * max(1, size / 8)), CPU) == 8
    assert capacity.measured(passing(lambda size: 0.002, room=5), CPU) == 4


@pytest.mark.parametrize(
    ("room", "share", "slots"), [(8, 3, 3), (8, 8, 8), (8, 9, 5), (8, 20, 7), (4, 5, 3), (1, 50, 1), (8, 1000, 8)]
)
def test_a_share_fills_its_rounds_evenly(room: int, share: int, slots: int) -> None:
    assert capacity.shared_evenly(room, share) == slots
    assert slots <= room and -(-share // slots) == -(-share // room)


def measured_once(monkeypatch: pytest.MonkeyPatch, found: int) -> list[int]:
    asked: list[int] = []

    def measured(passing: capacity.Passing, device: torch.device) -> int:
        asked.append(found)
        passing(2)()  # what is measured is a real pass
        time.sleep(0.2)
        return found

    monkeypatch.setattr(opening.capacity, "measured", measured)
    return asked


def trial(micro_trial: Callable[..., TrialConfig], folder: Path) -> TrialConfig:
    config = micro_trial(learning_rate=1e-3, max_steps=2, eval_steps=2)
    return dataclasses.replace(config, model=dataclasses.replace(config.model, cache_dir=str(folder / "cache")))


def drive(trainer: PackedTrainer, folder: Path, config: TrialConfig, count: int) -> list[Any]:
    found = Drive(trainer, folder, {f"t{number}": config for number in range(count)}).run()
    return [one.facts["pack.slots"] for one in found.values()]


def test_workers_measure_once_and_agree(
    micro_trial: Callable[..., TrialConfig], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, asked = trial(micro_trial, tmp_path), measured_once(monkeypatch, 3)
    slots: list[Any] = []
    workers = [
        threading.Thread(target=lambda: slots.extend(drive(PackedTrainer(Resources()), tmp_path / "a", config, 6)))
        for _ in range(2)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert asked == [3] and slots == [3] * 12
    assert list(json.loads((tmp_path / "cache/capacity.json").read_text()).values()) == [3]


def test_nothing_is_measured_for_one_trial_or_where_it_is_given(
    micro_trial: Callable[..., TrialConfig], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, asked = trial(micro_trial, tmp_path), measured_once(monkeypatch, 3)
    assert drive(PackedTrainer(Resources()), tmp_path / "a", config, 1) == [1]
    assert drive(PackedTrainer(Resources(capacity=2)), tmp_path / "b", config, 3) == [2, 2, 2]
    assert not asked
