"""The ways of training a set of trials that are compared with one another, all on one loaded base."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from benchmarks.driving import drive
from benchmarks.timeline import Timeline, middle
from benchmarks.trl_loop import TrlLoop, quiet
from trainers import data
from trainers.loaded import Loaded
from trainers.packed.trainer import PackedTrainer
from trainers.registry import Resources
from trainers.seam import Worker
from trainers.sft import SftTrainer
from trainers.trial import TrialConfig

Trials = Mapping[str, TrialConfig]


@dataclass
class Cost:
    """What a way costs per trial: the seconds of its steps, of its evaluations and of what comes before them."""

    steps: list[float]
    evaluations: list[float]
    built: list[float]

    @classmethod
    def of(cls, timelines: Mapping[str, Timeline]) -> Cost:
        """Divides what trials did at the same time by their number."""
        first, number = next(iter(timelines.values())), len(timelines)
        return cls(
            [seconds / number for seconds in first.steps],
            [seconds / number for seconds in first.evaluations],
            [timeline.built for timeline in timelines.values()],
        )

    def add(self, other: Cost) -> None:
        """Takes another measurement into account."""
        self.steps += other.steps
        self.evaluations += other.evaluations
        self.built += other.built

    @property
    def step(self) -> float:
        """The median of a trial's step."""
        return middle(self.steps)


class Ways:
    """Loads a base and its rows, and trains trials on them in one way or another.

    Attributes:
        slots: How many trials share a pass where many do.
    """

    def __init__(self, config: TrialConfig, slots: int, threads: int) -> None:
        quiet()
        self.slots, self._threads = slots, threads
        self._loaded = Loaded(torch.device("cpu"))
        self._loaded.rows(config)
        self._loop = TrlLoop(self._loaded.base(config), data.load(config.data))
        self._packers: dict[tuple[int, bool], PackedTrainer] = {}
        self._sft = SftTrainer(Resources(threads=threads), self._loaded)

    def trl(self, trials: Trials) -> dict[str, Timeline]:
        """Trains one after the other with TRL's own trainer."""
        return {name: self._loop.run(config) for name, config in trials.items()}

    def sft(self, trials: Trials) -> dict[str, Timeline]:
        """Trains one after the other with `trainers.sft`."""
        return drive(self._sft, trials)

    def packed(self, trials: Trials, slots: int | None = None, shared_prefix: bool = True) -> dict[str, Timeline]:
        """Trains in a pack, by default with all slots."""
        key = (slots or self.slots, shared_prefix)
        if key not in self._packers:
            resources = Resources(threads=self._threads, capacity=key[0], shared_prefix=shared_prefix)
            self._packers[key] = PackedTrainer(resources, self._loaded)
        worker: Worker = self._packers[key]
        return drive(worker, trials)
