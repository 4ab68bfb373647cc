"""Trials of the bundled model on the bundled sentences that can be compared number by number: no dropout."""

from __future__ import annotations

import dataclasses
import itertools
import os
from pathlib import Path

import yaml

from trainers.trial import Data, Lora, Model, Quantization, Training, TrialConfig

CONF = Path(__file__).parent.parent / "conf"
RANKS, RATES = (4, 8, 16), (1e-3, 2e-3, 4e-3)


def trials(number: int, steps: int, eval_steps: int, logging_steps: int = 10) -> dict[str, TrialConfig]:
    """Makes trials.

    Args:
        number: How many: ranks by learning rates, then the same with other seeds.
        steps: Of each.
        eval_steps: How often each is evaluated.
        logging_steps: How often each logs a point of its curve.
    """
    points = list(itertools.product(RANKS, RATES))
    made = {}
    for place in range(number):
        r, rate = points[place % len(points)]
        training = Training(rate, max_steps=steps, eval_steps=eval_steps, seed=42 + place // len(points))
        training = dataclasses.replace(training, logging_steps=logging_steps, warmup_steps=10, max_length=256)
        made[f"{place}"] = _trial(r, training)
    return made


def _trial(r: int, training: Training) -> TrialConfig:
    model = Model("tiny", "bundled:tiny", cache_dir=os.environ.get("LORA_SWEEPER_CACHE", "runs/.cache"))
    data = Data(**yaml.safe_load((CONF / "data/emotion.yaml").read_text()))
    return TrialConfig(model, Quantization(), Lora(r, alpha=2 * r, gain=2.0, dropout=0.0), data, training)


def short(number: int, steps: int) -> dict[str, TrialConfig]:
    """Makes short trials, evaluated once on a few training rows set aside: what is measured is the coming and going."""
    made = trials(number, steps, eval_steps=steps, logging_steps=steps)
    return {name: dataclasses.replace(config, data=_set_aside(config.data)) for name, config in made.items()}


def _set_aside(data: Data) -> Data:
    return dataclasses.replace(data, validation_path=None, validation_fraction=0.01)
