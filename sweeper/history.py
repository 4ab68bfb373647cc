"""What is known of a sweep: a fold over its event log."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Direction = Literal["minimize", "maximize"]
Values = Mapping[str, float]

REFERENCE = -1
"""The `number` of an untrained base model, which is measured but takes no place."""


SEARCH = "search"
"""The stage of a plain search."""


@dataclass
class Trial:
    """One trial as recorded so far. `outcome` is None until it has ended; a `short` one takes no place.

    `paused` is True while it waits at a rung for others, `paused_step` where it last did; `state_step` is the step of
    the state it can go on from, and `state_seconds` what it had cost by then; 0 where there is none. `deaths` are the
    workers that died under it. `ran` are the batches that fitted the memory, where those asked for did not;
    `content` is the fingerprint of its data's files; `test` is the record of its latest test, None where it had none.
    """

    id: str
    number: int
    params: dict[str, Any]
    config: dict[str, dict[str, Any]]
    stage: str = SEARCH
    short: bool = False
    steps: int | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    curve: list[tuple[int, Values]] = field(default_factory=list)
    rungs: list[tuple[int, Values]] = field(default_factory=list)
    started: float | None = None
    seconds: float | None = None
    peak_memory_mib: float | None = None
    paused: bool = False
    paused_step: int = 0
    state_step: int = 0
    state_seconds: float | None = None
    deaths: int = 0
    ran: dict[str, int] = field(default_factory=dict)
    outcome: str | None = None
    reason: str | None = None
    content: str | None = None
    test: Mapping[str, Any] | None = None

    @property
    def is_reference(self) -> bool:
        """True for an untrained base model."""
        return self.number == REFERENCE

    @property
    def last_step(self) -> int:
        """The step of the latest rung, 0 before the first."""
        return self.rungs[-1][0] if self.rungs else 0

    def best(self, metric: str, direction: Direction) -> tuple[int, Values] | None:
        """Returns (step, values) of the rung with the best finite value of a metric, the earliest among equals."""
        return best_rung(self.rungs, metric, direction)


def best_rung(rungs: Iterable[tuple[int, Values]], metric: str, direction: Direction) -> tuple[int, Values] | None:
    """Finds the rung that ranks a trial.

    Args:
        rungs: (step, values) in the order of the steps.
        metric: The metric to compare.
        direction: Whether small or large values are good.

    Returns:
        The best rung, the earliest among equals; None where no rung has a finite value.
    """
    finite = [rung for rung in rungs if math.isfinite(rung[1].get(metric, math.nan))]
    sign = 1 if direction == "minimize" else -1
    return min(finite, key=lambda rung: sign * rung[1][metric], default=None)


class History:
    """The trials of a sweep, in the order they were proposed."""

    def __init__(self, records: Iterable[Mapping[str, Any]] = ()) -> None:
        self.trials: dict[str, Trial] = {}
        for record in records:
            self.apply(record)

    def apply(self, record: Mapping[str, Any]) -> Trial | None:
        """Takes one record of the log into account.

        Args:
            record: As `EventLog.append` returned it or `event_log.read` found it.

        Returns:
            The trial it is about, or None for a record about the sweep.
        """
        if record["event"] == "proposed":
            self.trials[record["trial"]] = _proposed(record)
        trial = self.trials.get(record.get("trial", ""))
        if trial is not None:
            _apply(trial, record)
        return trial

    @property
    def contenders(self) -> list[Trial]:
        """The trials that can take a place: all but the references."""
        return [trial for trial in self.trials.values() if not trial.is_reference]

    @property
    def unfinished(self) -> list[Trial]:
        """The trials that were proposed and have not ended, in the order they were proposed."""
        return [trial for trial in self.trials.values() if trial.outcome is None]


def _proposed(record: Mapping[str, Any]) -> Trial:
    made = Trial(record["trial"], record["number"], record["params"], record["config"])
    made.stage, made.short = record.get("stage", SEARCH), record.get("short", False)
    made.content = record.get("content")
    return made


def _apply(trial: Trial, record: Mapping[str, Any]) -> None:
    match record["event"]:
        case "started":  # what an interrupted attempt did beyond the state it goes on from does not count
            _rewind(trial, record.get("from_step", 0))
            trial.paused, trial.started = False, trial.started if trial.state_step else record["time"]
        case "began":
            trial.steps, trial.facts = record["steps"], record["facts"]
        case "logged":
            trial.curve.append((record["step"], record["values"]))
        case "rung":
            trial.rungs.append((record["step"], record["values"]))
        case "saved":
            _keep(trial, record)
        case "paused" | "evicted" as left:
            trial.paused = left == "paused"
            trial.paused_step = record["step"] if trial.paused else trial.paused_step
            _spend(trial, record)
            _keep(trial, {**record, "seconds": 0 if trial.seconds is not None else None})
        case "lost":
            trial.deaths += 1
        case "reduced":
            trial.ran = {key: value for key, value in record.items() if key.startswith("training.")}
        case "promoted":
            trial.paused = False
        case "ended":
            _spend(trial, record)
            trial.paused, trial.outcome, trial.reason = False, record["outcome"], record["reason"]
        case "tested":
            trial.test = record
        case "failed":
            trial.outcome, trial.reason = record["outcome"], record["reason"]


def _rewind(trial: Trial, step: int) -> None:
    """Forgets what an attempt did beyond the state that the next one goes on from."""
    trial.curve = [point for point in trial.curve if point[0] <= step]
    trial.rungs = [rung for rung in trial.rungs if rung[0] <= step]
    trial.seconds = trial.state_seconds if step else None
    if step == 0:
        trial.state_step, trial.paused_step, trial.state_seconds, trial.peak_memory_mib = 0, 0, None, None


def _keep(trial: Trial, record: Mapping[str, Any]) -> None:
    """Notes a state on disk, and what its trial had cost by then."""
    trial.state_step = record["step"]
    if record["seconds"] is not None:
        trial.state_seconds = round((trial.seconds or 0) + record["seconds"], 3)


def _spend(trial: Trial, record: Mapping[str, Any]) -> None:
    """Adds what a part of a trial cost; a trial that paused has several."""
    if record["seconds"] is not None:
        trial.seconds = round((trial.seconds or 0) + record["seconds"], 3)
    if record["peak_memory_mib"] is not None:
        trial.peak_memory_mib = max(trial.peak_memory_mib or 0, record["peak_memory_mib"])
