"""The callback that turns the Trainer's progress into events and obeys the driver at rungs."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import transformers

from trainers import adapter, schedules
from trainers.evaluation import Measured
from trainers.patience import patiently
from trainers.seam import Began, Confused, Event, GoOn, Logged, Pause, Rung, Sampled, Saved, Start, Stop

Exchange = Callable[[Event], Any]
"""Hands an event to the driver; returns its command where the event is a `Rung`."""


class Rungs(transformers.TrainerCallback):  # type: ignore[misc]
    """Evaluates every `eval_steps` and at the last step, and waits there for a command."""

    def __init__(
        self,
        *,
        start: Start,
        exchange: Exchange,
        measure: Callable[[], Measured],
        samples: Callable[[], list[list[tuple[str, str]]]],
        tokens_seen: Callable[[], int],
        spent: Callable[[], tuple[float, float | None]],
        facts: dict[str, Any],
    ) -> None:
        self._start, self._exchange, self._measure, self._facts = start, exchange, measure, facts
        self._samples = samples
        self._tokens_seen, self._spent = tokens_seen, spent
        self._clock, self._tokens = time.perf_counter(), 0
        self.paused = False
        self._steps = 0

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Says how long the trial will be."""
        self._steps = self._start.config.steps_of(state.max_steps)
        self._exchange(Began(self._start.trial, self._steps, self._facts))
        self._clock = time.perf_counter()

    def on_step_end(
        self, args: Any, state: Any, control: Any, model: Any = None, lr_scheduler: Any = None, **kwargs: Any
    ) -> None:
        """Evaluates at a rung."""
        if state.global_step % self._start.config.training.eval_steps and state.global_step < self._steps:
            return
        paused = time.perf_counter()
        found = self._measure()
        schedules.after_evaluation(lr_scheduler, found.values["eval_loss"])  # before a state is written
        if found.counts:
            self._exchange(Confused(self._start.trial, state.global_step, found.labels, found.counts))
        for made in self._samples():
            self._exchange(Sampled(self._start.trial, state.global_step, made))
        self._wait(args, state, control, model, found.values)
        self._clock += time.perf_counter() - paused  # neither evaluating nor waiting counts as training time

    def on_log(
        self,
        args: Any,
        state: Any,
        control: Any,
        logs: dict[str, float] | None = None,
        model: Any = None,
        **kwargs: Any,
    ) -> None:
        """Streams a point of the curves; one that is not finite asks for a decision."""
        if logs is None or "loss" not in logs:
            return
        values = self._curve_point(logs, model)
        if all(math.isfinite(value) for value in values.values()) or control.should_training_stop:
            self._exchange(Logged(self._start.trial, state.global_step, values))
        else:
            self._wait(args, state, control, model, values)

    def _wait(self, args: Any, state: Any, control: Any, model: Any, values: dict[str, float]) -> None:
        command = self._exchange(Rung(self._start.trial, state.global_step, values))
        if command.keep:
            for blocked in patiently(self._start.trial, lambda: adapter.save(model, Path(self._start.adapter))):
                self._exchange(blocked)
        self.paused = isinstance(command, Pause)
        if isinstance(command, (Pause, Stop)):
            control.should_training_stop = True
        # The Trainer writes at the end of this step, after it has logged.
        control.should_save = self.paused or (isinstance(command, GoOn) and command.save)

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Says that the state is on disk, where the trial goes on."""
        if not self.paused:
            self._exchange(Saved(self._start.trial, state.global_step, *self._spent()))

    def _curve_point(self, logs: dict[str, float], model: Any) -> dict[str, float]:
        now, tokens = time.perf_counter(), self._tokens_seen()
        speed = (tokens - self._tokens) / max(now - self._clock, 1e-9)
        self._clock, self._tokens = now, tokens
        return {
            "loss": float(logs["loss"]),
            "learning_rate": float(logs["learning_rate"]),
            "grad_norm": float(logs["grad_norm"]),
            "adapter_norm": adapter.norm(model),
            "tokens_per_s": round(speed, 1),
        }
