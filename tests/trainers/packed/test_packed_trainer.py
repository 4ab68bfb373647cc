"""A pack trains what TRL and PEFT train alone, whoever shares it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from packs import Drive, Found, with_lora

from trainers import sft
from trainers.packed.trainer import PackedTrainer
from trainers.registry import Resources
from trainers.trial import Quantization, TrialConfig

Made = Callable[..., TrialConfig]


def trials(micro_trial: Made, quantization: str = "none") -> dict[str, TrialConfig]:
    """Trials that differ in all that a slot has of its own."""
    shared = {"eval_steps": 6, "logging_steps": 1}
    plain = micro_trial(learning_rate=2e-3, warmup_steps=3, seed=1, max_steps=12, **shared)
    decayed = micro_trial(
        learning_rate=1e-3, weight_decay=0.1, seed=2, lr_scheduler_type="cosine", max_steps=9, **shared
    )
    piled = micro_trial(
        learning_rate=3e-3, gradient_accumulation_steps=2, max_grad_norm=0.1, seed=3, max_steps=6, **shared
    )
    flat = micro_trial(
        learning_rate=2e-3,
        max_grad_norm=0,
        warmup_steps=0.3,
        seed=4,
        lr_scheduler_type="reduce_lr_on_plateau",
        lr_scheduler_kwargs={"patience": 0, "factor": 0.5, "threshold": 0.5},
        num_train_epochs=2.5,
        **shared,
    )
    made = {
        "plain": with_lora(plain, r=4, alpha=8),
        "decayed": with_lora(decayed, r=8, alpha=6, use_rslora=True),
        "piled": with_lora(piled, r=2, alpha=4),
        "flat": with_lora(flat, r=16, alpha=16, target_modules=["q_proj", "down_proj"]),
    }
    return {
        name: dataclasses.replace(item, quantization=Quantization(name=quantization)) for name, item in made.items()
    }


def packed(folder: Path, asked: dict[str, TrialConfig], capacity: int = 3, **resources: Any) -> dict[str, Found]:
    return Drive(PackedTrainer(Resources(capacity=capacity, **resources)), folder, asked).run()


@pytest.mark.parametrize(
    ("quantization", "capacity", "tolerance"), [("none", 3, 1e-5), ("none", 1, 1e-5), ("nf4", 3, 1e-4)]
)
def test_every_slot_trains_as_alone(
    micro_trial: Made, tmp_path: Path, quantization: str, capacity: int, tolerance: float
) -> None:
    asked = trials(micro_trial, quantization)
    together, alone = packed(tmp_path, asked, capacity), Drive(sft.make(Resources()), tmp_path, asked).run()
    for name, one in alone.items():
        other = together[name]
        assert one.curve.keys() == other.curve.keys() and one.rungs.keys() == other.rungs.keys(), name
        for step, point in one.curve.items():
            for key, close in (("loss", 1), ("grad_norm", 10), ("learning_rate", 0), ("adapter_norm", 1)):
                assert other.curve[step][key] == pytest.approx(point[key], rel=close * tolerance), (name, step, key)
        for step, values in one.rungs.items():
            assert other.rungs[step] == pytest.approx(values, rel=tolerance), (name, step)
