"""A trial that pauses at its rungs and goes on elsewhere computes what it would have anyway."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from trainers import sft
from trainers.registry import Resources
from trainers.seam import Event, GoOn, Logged, Pause, Paused, Rung, Start, Stop
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
