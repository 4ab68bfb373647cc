"""Trials in a trainer, driven to their ends."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trainers.seam import (
    LEAVES,
    Began,
    Command,
    Event,
    Evicted,
    Failed,
    GoOn,
    Logged,
    Pause,
    Paused,
    Room,
    Rung,
    Start,
    Stop,
    Worker,
)
from trainers.trial import Lora, TrialConfig

Decide = Callable[[Rung], Command]


@dataclass
class Found:
    """What became of one trial: its curve and rungs by step, and the events that ended its stays."""

    steps: int = 0
    facts: dict[str, Any] = field(default_factory=dict)
    curve: dict[int, dict[str, float]] = field(default_factory=dict)
    rungs: dict[int, dict[str, float]] = field(default_factory=dict)
    left: list[Event] = field(default_factory=list)

    @property
    def numbers(self) -> tuple[Any, ...]:
        """All that was measured but speed."""
        timeless = {
            step: {key: item[key] for key in item if key != "tokens_per_s"} for step, item in self.curve.items()
        }
        return timeless, self.rungs


def with_lora(config: TrialConfig, **changes: Any) -> TrialConfig:
    return dataclasses.replace(config, lora=dataclasses.replace(config.lora, **changes))


def to_the_end(found: Mapping[str, Found]) -> Decide:
    return lambda rung: (Stop if rung.step >= found[rung.trial].steps else GoOn)(rung.trial)


class Drive:
    """Feeds trials to a worker as it has room for them, in order."""

    def __init__(self, worker: Worker, folder: Path, trials: Mapping[str, TrialConfig]) -> None:
        self.worker, self.folder, self.trials = worker, folder, dict(trials)
        self.found = {name: Found() for name in trials}
        self.waiting = list(trials)
        self.holds: list[str] = []
        self.joined: list[list[str]] = []

    def run(self, decide: Decide | None = None) -> dict[str, Found]:
        decide = decide or to_the_end(self.found)
        commands: list[Command] = []
        while commands or self.waiting:
            commands = commands or [self.start(self.waiting.pop(0))]
            answers: list[Command] = []
            for event in self.worker.advance(commands):
                answers += self.take(event, decide)
            commands = answers
        return self.found

    def start(self, name: str) -> Start:
        self.holds.append(name)
        state = self.folder / name / "state"
        from_step = max((int(item.name) for item in state.iterdir()), default=0) if state.is_dir() else 0
        adapter = str(self.folder / name / "adapter")
        return Start(name, self.trials[name], adapter, str(state), from_step, len(self.trials))

    def take(self, event: Event, decide: Decide) -> Sequence[Command]:
        if isinstance(event, Room):
            taken, self.waiting = self.waiting[: event.places], self.waiting[event.places :]
            return [self.start(name) for name in taken] or [GoOn(self.holds[0])]
        found = self.found[event.trial]
        match event:
            case Began():
                found.steps, found.facts = event.steps, event.facts
                self.joined.append(list(self.holds))
            case Logged():
                found.curve[event.step] = event.values
            case Rung():
                found.rungs[event.step] = event.values
                return [decide(event)]
        if isinstance(event, LEAVES):
            found.left.append(event)
            self.holds.remove(event.trial)
            self.waiting += [event.trial] if isinstance(event, Evicted) else []
        return []


__all__ = ["Drive", "Failed", "Found", "GoOn", "Lora", "Pause", "Paused", "Stop", "with_lora"]
