"""Trains what is provoked, through the seam that sweeps train through."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from hydra import compose, initialize_config_dir
from peft.tuners.lora.layer import LoraLayer

from analysis.curve import Curve
from benchmarks.provoked import rows
from benchmarks.provoked.entries import Entry
from benchmarks.replayed import CONF
from sweeper.composition import Composer
from sweeper.space import parse
from sweeper.validation import ConfigurationError
from trainers.seam import Began, Command, Ended, Failed, GoOn, Logged, Room, Rung, Start, Stop, Worker
from trainers.trial import TrialConfig

LEFT_OUT = {"adapter_norm", "tokens_per_s", "perplexity", "minority_threshold"}
"""What no verdict is about."""


def config_of(entry: Entry, folder: Path) -> TrialConfig:
    """Composes a trial as the command line would, on rows that are written into a folder where it has its own.

    Raises:
        ConfigurationError: Something about it cannot be trained.
    """
    cache = os.environ.get("LORA_SWEEPER_CACHE", "runs/.cache")
    space, _ = parse([f"model.cache_dir={cache}", *entry.overrides], lambda key: [])
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config, problems = Composer(lambda overrides: compose("config", list(overrides)), space).trial({})
    if config is None:
        raise ConfigurationError(problems)
    if entry.rows:
        path = str(rows.write(folder, **entry.rows))
        config = dataclasses.replace(config, data=dataclasses.replace(config.data, path=path))
    return dataclasses.replace(config, lora=dataclasses.replace(config.lora, **entry.lora))


def trained(worker: Worker, trials: Mapping[str, TrialConfig]) -> Iterator[tuple[str, Curve]]:
    """Trains all trials of one pack to their ends, and yields each when it has come there.

    Args:
        worker: Anything behind the seam.
        trials: By name.

    Raises:
        RuntimeError: One could not be trained; the message says why.
    """
    courses = {name: _Course() for name in trials}
    waiting = list(trials.items())
    commands: list[Command] = []
    while commands or waiting:
        asked = commands or [_start(*waiting.pop(0), len(trials))]
        commands = []
        for event in worker.advance(asked):
            if isinstance(event, Room):
                taken, waiting = waiting[: event.places], waiting[event.places :]
                held = next(name for name, course in courses.items() if course.is_held)
                commands += [_start(*item, len(trials)) for item in taken] or [GoOn(held)]
            else:
                commands += courses[event.trial].take(event)
            if isinstance(event, Ended):
                yield event.trial, courses[event.trial].curve()


def _start(name: str, config: TrialConfig, share: int) -> Start:
    return Start(name, config, adapter="", share=share)


class _Course:
    """One trial's events, as a curve; it ends at its last step, or where something is not finite."""

    def __init__(self) -> None:
        self.points: dict[str, list[tuple[int, float]]] = {}
        self.steps = 0
        self.outcome = "complete"
        self.is_held = False

    def take(self, event: Any) -> list[Command]:
        match event:
            case Began(_, steps):
                self.steps, self.is_held = steps, True
            case Logged(_, step, values):
                self.note(step, values)
            case Rung(trial, step, values):
                self.note(step, values)
                if not all(map(math.isfinite, values.values())):
                    self.outcome = "diverged"
                    return [Stop(trial)]
                return [(Stop if step >= self.steps else GoOn)(trial)]
            case Ended():
                self.is_held = False
            case Failed(trial, _, reason, detail):
                raise RuntimeError(f"{trial}: {reason}\n{detail}")
            case _:
                raise RuntimeError(f"unexpected: {event}")
        return []

    def note(self, step: int, values: Mapping[str, float]) -> None:
        for key in values.keys() - LEFT_OUT:
            self.points.setdefault(key, []).append((step, values[key]))

    def curve(self) -> Curve:
        known = {key: tuple(points) for key, points in self.points.items()}
        return Curve(
            losses=known.pop("loss", ()),
            evals=known.pop("eval_loss", ()),
            learning_rates=known.pop("learning_rate", ()),
            grad_norms=known.pop("grad_norm", ()),
            measured=known,
            steps=self.steps,
            outcome=self.outcome,
        )


@contextlib.contextmanager
def zeroed() -> Iterator[None]:
    """Adapters that are made meanwhile begin with both halves at zero: neither then has a gradient, ever."""
    reset = LoraLayer.reset_lora_parameters

    def zeros(layer: LoraLayer, *arguments: Any, **more: Any) -> None:
        reset(layer, *arguments, **more)
        for half in (layer.lora_A, layer.lora_B):
            for linear in half.values():
                torch.nn.init.zeros_(linear.weight)

    with mock.patch.object(LoraLayer, "reset_lora_parameters", zeros):
        yield
