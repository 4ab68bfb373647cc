"""Answers a trial from a table of recorded curves, in microseconds: tests, simulations and dry runs."""

from __future__ import annotations

import csv
import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trainers.registry import Resources
from trainers.seam import (
    Began,
    Command,
    Ended,
    Event,
    Failed,
    GoOn,
    Logged,
    Pause,
    Paused,
    Rung,
    Saved,
    Start,
    TrialFailed,
)
from trainers.trial import TrialConfig, flatten

# A swept config group stands in a table under the group's name.
_GROUPS = {"model": "model.name", "quantization": "quantization.name", "data": "data.name"}
_SPECIAL = {"step", "seconds", "trainable_parameters"}

# What a trial logs while it trains, and is no evaluation.
_TRAINING = {"loss", "learning_rate", "grad_norm", "adapter_norm", "tokens_per_s"}

Point = tuple[int, dict[str, float]]


@dataclass(frozen=True)
class Curve:
    """A recorded trial: (step, metrics) in order, what training logged, and what else is known of it.

    `seconds` are those it took to its end, None when not recorded.
    """

    points: tuple[Point, ...]
    seconds: float | None
    logged: tuple[Point, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)


class Table:
    """Recorded curves, found by the parameters they were recorded for."""

    def __init__(self, rows: Sequence[Mapping[str, str]]) -> None:
        columns = [name for name in (rows[0] if rows else {}) if name]
        self.parameters = [name for name in columns if "." in name or name in _GROUPS or name == "seed"]
        others = [name for name in columns if name not in self.parameters and name not in _SPECIAL]
        self._training = [name for name in others if name in _TRAINING]
        self.metrics = [name for name in others if name not in _TRAINING]
        grouped: dict[tuple[Any, ...], list[Mapping[str, str]]] = {}
        for row in rows:
            grouped.setdefault(tuple(_scalar(row[name]) for name in self.parameters), []).append(row)
        self._curves = {key: self._curve(key, group) for key, group in grouped.items()}

    def _curve(self, key: tuple[Any, ...], rows: Sequence[Mapping[str, str]]) -> Curve:
        steps = [int(float(row["step"])) if "step" in row else 1 for row in rows]
        if len(set(steps)) < len(steps):
            raise ValueError(f"two rows for {self._words(key)} at the same step")
        seconds = [float(row["seconds"]) for row in rows if row.get("seconds")]
        counts = [int(float(row["trainable_parameters"])) for row in rows if row.get("trainable_parameters")]
        facts = {"trainable_parameters": counts[0]} if counts else {}
        points, logged = _points(steps, rows, self.metrics), _points(steps, rows, self._training)
        return Curve(points, max(seconds, default=None), logged, facts)

    def unknown(self, config: TrialConfig) -> list[str]:
        """Returns the columns that look like parameters of a trial and are none."""
        flat = flatten(config)
        return [name for name in self.parameters if _parameter(name) not in flat and ".kwargs." not in name]

    def find(self, config: TrialConfig) -> Curve:
        """Returns the curve recorded for a configuration.

        Args:
            config: The trial; only the table's own columns are compared.

        Raises:
            TrialFailed: The table has no such configuration; the message names the nearest ones.
        """
        flat = flatten(config)
        key = tuple(_scalar(flat.get(_parameter(name))) for name in self.parameters)
        if key not in self._curves:
            raise TrialFailed(f"the table has no row for {self._words(key)}; nearest: {self._nearest(key)}")
        return self._curves[key]

    def _nearest(self, key: tuple[Any, ...]) -> str:
        ranked = sorted(self._curves, key=lambda other: _distance(key, other))
        return "; ".join(self._words(other) for other in ranked[:3]) or "the table is empty"

    def _words(self, key: tuple[Any, ...]) -> str:
        return ", ".join(
            f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}"
            for name, value in zip(self.parameters, key, strict=True)
        )


def _points(steps: Sequence[int], rows: Sequence[Mapping[str, str]], names: Sequence[str]) -> tuple[Point, ...]:
    """Returns what some columns hold, in the order of the steps; rows that hold nothing of it are no points."""
    values = [{name: float(row[name]) for name in names if row.get(name)} for row in rows]
    return tuple(sorted((item for item in zip(steps, values, strict=True) if item[1]), key=lambda item: item[0]))


def _parameter(column: str) -> str:
    return "training.seed" if column == "seed" else _GROUPS.get(column, column)


def _scalar(value: Any) -> Any:
    """Returns a number where a value is one, so that 2e-4 and 0.0002 are the same."""
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    try:
        return float(value)
    except (TypeError, ValueError):
        text = str(value).strip()
        return text.lower() if text.lower() in {"true", "false", "none"} else text


def _distance(one: tuple[Any, ...], other: tuple[Any, ...]) -> float:
    return sum(_gap(a, b) for a, b in zip(one, other, strict=True))


def _gap(a: Any, b: Any) -> float:
    """Returns 0 for equal values, up to 1 for numbers far apart, and 1 or more for different words."""
    if a == b:
        return 0.0
    if isinstance(a, float) and isinstance(b, float):
        return abs(a - b) / (abs(a) + abs(b))
    return 2.0 - difflib.SequenceMatcher(None, str(a), str(b)).ratio()


def read_table(path: str) -> Table:
    """Reads a CSV of recorded curves.

    Args:
        path: Columns: any dotted parameters (or the name of a config group), metrics, optionally `seed`, `step` and
            `seconds`. Without `step` a row is a finished trial.

    Raises:
        ValueError: A metric or step is no number, or two rows are the same point.
    """
    with Path(path).open(newline="", encoding="utf-8-sig") as file:
        return Table(list(csv.DictReader(file)))


class ReplayTrainer:
    """Plays recorded curves, any number of trials at a time."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._playing: dict[str, _Player] = {}

    def advance(self, commands: Sequence[Command]) -> Iterator[Event]:
        """Yields each commanded trial's next recorded rung, or its end."""
        for command in commands:
            if isinstance(command, Start):
                yield from self._start(command)
            elif isinstance(command, GoOn):
                yield from self._playing[command.trial].go_on(command)
            else:
                yield self._playing.pop(command.trial).leave(command)

    def _start(self, command: Start) -> Iterator[Event]:
        try:
            curve = self._table.find(command.config)
        except TrialFailed as error:
            yield Failed(command.trial, "failed", str(error))
            return
        position = sum(step <= command.from_step for step, _ in curve.points)
        player = self._playing[command.trial] = _Player(curve, Path(command.state), position, position)
        steps = _last_step(curve, command.config)
        yield Began(command.trial, steps, {"trainer": "replay", "device": "replay", **curve.facts})
        yield from player.play(command.trial)


def _last_step(curve: Curve, config: TrialConfig) -> int:
    """Returns the last recorded step that a trial reaches."""
    end = config.steps_of(curve.points[-1][0])
    return max((step for step, _ in curve.points if step <= end), default=curve.points[0][0])


@dataclass
class _Player:
    """A trial in play: `position` points of its curve are played, the first `began` of them before it was paused."""

    curve: Curve
    state: Path
    began: int
    position: int

    @property
    def _step(self) -> int:
        return self.curve.points[self.position - 1][0]

    @property
    def _seconds(self) -> float | None:
        share = (self.position - self.began) / len(self.curve.points)
        return None if self.curve.seconds is None else self.curve.seconds * share

    def leave(self, command: Command) -> Event:
        if not isinstance(command, Pause):
            return Ended(command.trial, self._step, self._seconds)
        self._save()
        return Paused(command.trial, self._step, self._seconds)

    def go_on(self, command: GoOn) -> Iterator[Event]:
        if command.save:
            self._save()
            yield Saved(command.trial, self._step, self._seconds)
        yield from self.play(command.trial)

    def _save(self) -> None:
        (self.state / str(self._step)).mkdir(parents=True, exist_ok=True)  # empty: the table and the step say it all

    def play(self, trial: str) -> Iterator[Event]:
        """Yields what was logged up to the next rung, and the rung."""
        before = self.curve.points[self.position - 1][0] if self.position else -1
        step, values = self.curve.points[self.position]
        self.position += 1
        yield from (Logged(trial, at, dict(point)) for at, point in self.curve.logged if before < at <= step)
        yield Rung(trial, step, values)


def make(resources: Resources) -> ReplayTrainer:
    """Returns a trainer that answers from `resources.table`."""
    return ReplayTrainer(read_table(resources.table or ""))
