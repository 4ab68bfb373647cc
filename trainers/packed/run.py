"""One trial's way through its data and its schedule; its weights are in a slot."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from trainers.length_groups import is_grouped
from trainers.packed.course import Course
from trainers.packed.layout import Pass
from trainers.packed.schedule import Schedule
from trainers.packed.shape import Shape
from trainers.packed.targets import Targets
from trainers.seam import Start
from trainers.tokens import Tokens


@dataclass
class Unlogged:
    """What has gathered since the last point of the curve: nats per token summed over steps, tokens, seconds."""

    loss: float = 0.0
    steps: int = 0
    tokens: int = 0
    seconds: float = 0.0


class Run:
    """A trial that trains in a slot.

    Attributes:
        step: Optimizer steps taken.
        steps: Those it will take.
        waits: True at a rung, until the driver has decided.
        seconds: Its share of what its passes took since it last started: a pass is shared by all who took part.
        saved: The step of its state on disk, 0 where there is none, and the seconds by then.
        tokens: The completion tokens of its present update, each counted as its row weighs.
        smoothing: Its `training.label_smoothing_factor`.
    """

    def __init__(self, start: Start, rows: Sequence[Tokens], targets: Targets, shape: Shape) -> None:
        self.start, self.config, self.targets = start, start.config, targets
        training = start.config.training
        self._shape = shape
        self._rows, self._eval_steps, self._logging_steps = rows, training.eval_steps, training.logging_steps
        accumulation = training.gradient_accumulation_steps
        lengths = tuple(len(row.prompt) + len(row.completion) for row in rows) if is_grouped(training) else None
        batch = training.per_device_train_batch_size
        self._course = Course(len(rows), batch, accumulation, training.seed, lengths)
        whole = self._course.steps(training.max_steps, training.num_train_epochs)
        self.schedule, self.steps = Schedule(training, whole), start.config.steps_of(whole)
        self.step, self.waits, self.seconds = 0, False, 0.0
        self.saved = start.from_step, 0.0
        self.unlogged = Unlogged()
        self._left: list[Pass] = []
        self._loss = 0.0
        self.tokens: float = 1
        self.smoothing = training.label_smoothing_factor

    def batch(self) -> Pass:
        """Returns the next rows; the first of an update fix `tokens`, what the update's loss is divided by."""
        if not self._left:
            batches = [[self._rows[at] for at in batch] for batch in self._course.update(self.step)]
            self._left = [lay for batch in batches for lay in self._shape.passes(batch)]
            self.tokens = sum(row.weight * row.predicted for batch in batches for row in batch)
            self._loss = 0.0
        lay = self._left.pop(0)
        self.unlogged.tokens += sum(len(row.prompt) + len(row.completion) for line in lay for row in line)
        return lay

    def passed(self, loss: float, seconds: float) -> None:
        """Takes into account what a pass gave, and what share of it was this trial's."""
        self._loss += loss
        self.seconds += seconds
        self.unlogged.seconds += seconds

    @property
    def is_due(self) -> bool:
        """True when all rows of an update are in."""
        return not self._left

    def rewind(self) -> None:
        """Begins the present update again."""
        self._left = []

    def stepped(self, norm: float) -> dict[str, float]:
        """Counts a step of the optimizer, taken with this norm of the gradient.

        Returns:
            A point of the curve where one is due or something is not finite: all but the adapter's norm.
        """
        rate = self.schedule.rate
        self.schedule.advance()
        self.step += 1
        self.unlogged.loss += self._loss
        self.unlogged.steps += 1
        if self.step % self._logging_steps and math.isfinite(self._loss) and math.isfinite(norm):
            return {}
        done, self.unlogged = self.unlogged, Unlogged()
        return {
            "loss": done.loss / done.steps,
            "learning_rate": rate,
            "grad_norm": norm,
            "tokens_per_s": round(done.tokens / max(done.seconds, 1e-9), 1),
        }

    @property
    def at_rung(self) -> bool:
        """True after a step that is followed by an evaluation."""
        return self.is_due and (self.step % self._eval_steps == 0 or self.step >= self.steps)

    def state(self) -> dict[str, Any]:
        """Returns what a run of the same trial goes on from, its weights aside."""
        return {"step": self.step, "schedule": self.schedule.state(), "unlogged": vars(self.unlogged)}

    def load(self, state: dict[str, Any]) -> None:
        """Goes on from a state."""
        self.step, self.unlogged = state["step"], Unlogged(**state["unlogged"])
        self.schedule.load(state["schedule"])
