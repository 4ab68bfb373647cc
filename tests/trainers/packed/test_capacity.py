"""How many trials a pack has room for."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
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


class Clock:
    """Passes that take as long as they are told by a clock of their own, and fit as far as they are told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        monkeypatch.setattr(capacity.time, "perf_counter", lambda: self.now)

    def measured(self, seconds: Callable[[int], float], room: int = 1000) -> int:
        def passing(size: int) -> Callable[[], None]:
            if size > room:
                raise torch.OutOfMemoryError("no room")
            return lambda: self._pass(seconds(size))

        return capacity.measured(passing, CPU)

    def _pass(self, seconds: float) -> None:
        self.now += seconds


def test_a_pack_doubles_while_that_pays(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    assert clock.measured(lambda size: size) == 1  # a busy device
    assert clock.measured(lambda size: 1) == capacity.LIMIT  # an idle one
    assert clock.measured(lambda size: max(1, size / 8)) == 8
    assert clock.measured(lambda size: 1, room=5) == 4


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
    with ThreadPoolExecutor(2) as workers:  # two workers share what they remember, never a trial's folder
        of_each = workers.map(lambda name: drive(PackedTrainer(Resources()), tmp_path / name, config, 6), "ab")
        slots = [slot for worker in of_each for slot in worker]
    assert asked == [3] and slots == [3] * 12
    assert list(json.loads((tmp_path / "cache/capacity.json").read_text()).values()) == [3]


def test_nothing_is_measured_for_one_trial_or_where_it_is_given(
    micro_trial: Callable[..., TrialConfig], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, asked = trial(micro_trial, tmp_path), measured_once(monkeypatch, 3)
    assert drive(PackedTrainer(Resources()), tmp_path / "a", config, 1) == [1]
    assert drive(PackedTrainer(Resources(capacity=2)), tmp_path / "b", config, 3) == [2, 2, 2]
    assert not asked
