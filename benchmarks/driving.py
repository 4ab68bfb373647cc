"""Drives trials to their ends through the seam, as the sweep's driver does, and times them."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from benchmarks.timeline import Timeline
from trainers.seam import Began, Command, Event, Evicted, Failed, GoOn, Logged, Room, Rung, Start, Stop, Worker
from trainers.trial import TrialConfig


class TrialLost(Exception):
    """A trial did not come to its end; the message says why in one line."""


def drive(worker: Worker, trials: Mapping[str, TrialConfig]) -> dict[str, Timeline]:
    """Feeds trials to a worker as it has room for them, in order, until all have ended.

    Args:
        worker: Anything behind the seam.
        trials: The trials by name.

    Returns:
        Their timelines.

    Raises:
        TrialLost: One failed, or had to leave for want of memory.
    """
    with tempfile.TemporaryDirectory() as folder:  # whoever has to leave writes its state, wanted or not
        return _Drive(worker, trials, Path(folder)).run()


class _Drive:
    def __init__(self, worker: Worker, trials: Mapping[str, TrialConfig], folder: Path) -> None:
        self.worker, self.trials, self.folder = worker, trials, folder
        self.waiting, self.holds = list(trials), list[str]()
        self.found = {name: Timeline() for name in trials}
        self.ends: dict[str, int] = {}
        self.clock = 0.0

    def run(self) -> dict[str, Timeline]:
        commands: list[Command] = []
        while commands or self.waiting:
            asked = commands or [self.start(self.waiting.pop(0))]
            commands = []
            self.clock = time.perf_counter()
            for event in self.worker.advance(asked):
                commands += self.take(event, time.perf_counter())
        return self.found

    def start(self, name: str) -> Start:
        self.holds.append(name)
        adapter, state = str(self.folder / name / "adapter"), str(self.folder / name / "state")
        return Start(name, self.trials[name], adapter, state, share=len(self.trials))

    def take(self, event: Event, now: float) -> list[Command]:
        """Notes an event, and returns the commands that it asks for."""
        before, self.clock = self.clock, now
        match event:
            case Room(places):
                taken, self.waiting = self.waiting[:places], self.waiting[places:]
                return [self.start(name) for name in taken] or [GoOn(self.holds[0])]
            case Began(trial, steps, facts):
                self.ends[trial] = steps
                self.found[trial].built, self.found[trial].facts = now - before, facts
            case Logged(trial, step, values):
                self.found[trial].logged[step], self.found[trial].losses[step] = now, values["loss"]
            case Rung(trial, step):
                self.found[trial].evaluated[step] = now
                return [(Stop if step >= self.ends[trial] else GoOn)(trial)]
            case Failed(trial, _, reason):
                raise TrialLost(reason)
            case Evicted():
                raise TrialLost("out of memory")
            case _:
                self.holds.remove(event.trial)
        return []
