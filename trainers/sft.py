"""The reference trainer: one trial at a time with TRL's SFTTrainer, PEFT and bitsandbytes."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

import datasets
import torch
import transformers

from trainers import adapter, base_model, fitting, loftq, memory, probes, tested, tokens
from trainers.coroutine import Coroutine
from trainers.evaluation import Measured, measured
from trainers.failure import failed
from trainers.full_precision import FullPrecision
from trainers.loaded import Loaded
from trainers.probes import logits
from trainers.registry import Resources
from trainers.rungs import Exchange, Rungs
from trainers.samples import Sample, samples
from trainers.seam import (
    LEAVES,
    Began,
    Command,
    Confused,
    Ended,
    Event,
    Paused,
    Rung,
    Sampled,
    Start,
    Test,
    TrialFailed,
)
from trainers.trial import Data, TrialConfig


class SftTrainer:
    """Holds the base model of the latest trial and trains one trial at a time on it."""

    def __init__(self, resources: Resources, loaded: Loaded | None = None) -> None:
        self._device = torch.device(resources.device)
        self._threads = resources.threads
        self._loaded = loaded or Loaded(self._device)
        self._full_logits = logits.FullLogits(self._device)
        self._trial: Coroutine[Any, Event] | None = None

    def advance(self, commands: Sequence[Command]) -> Iterator[Event]:
        """Obeys, and yields what happens until the trial waits at its next rung or has ended."""
        for command in commands:
            if isinstance(command, Test):
                yield self._test(command)
                continue
            event = self._begin(command) if isinstance(command, Start) else self._resume(command)
            while not isinstance(event, (Rung, *LEAVES)):
                yield event
                event = self._resume(None)
            yield event

    def _begin(self, start: Start) -> Event:
        memory.release(self._device)  # what the last trial held, which may have ended for want of it
        self._trial = Coroutine(lambda exchange: self._run(start, exchange))
        return self._trial.resume()

    def _test(self, command: Test) -> Event:
        memory.release(self._device)
        if self._device.type == "cpu":
            torch.set_num_threads(self._threads)
        return tested.answer(command, self._loaded)

    def _resume(self, command: Command | None) -> Event:
        if self._trial is None:
            raise RuntimeError("no trial has been started")
        return self._trial.resume(command)

    def _run(self, start: Start, exchange: Exchange) -> Event:
        try:
            return self._train(start, exchange)
        except TrialFailed as error:
            return failed(start.trial, error)
        except Exception as error:  # noqa: BLE001 - the one place where whatever a trial raises becomes its record
            self._loaded.forget()  # it may be half-wrapped
            return failed(start.trial, error)

    def _train(self, start: Start, exchange: Exchange) -> Event:
        if self._device.type == "cpu":
            torch.set_num_threads(self._threads)
        base = self._loaded.base(start.config)
        full = self._full(start.config, base)
        began = time.perf_counter()  # loading models is the worker's cost, not this trial's
        memory.reset_peak(self._device)
        rows = self._loaded.rows(start.config)
        step, leave = (
            (self._evaluate_base(start, base, rows, exchange), Ended)
            if start.config.is_reference
            else self._fit(start, base, rows, full, exchange, began=began)
        )
        return leave(start.trial, step, *self._spent(began))

    def _spent(self, began: float) -> tuple[float, float | None]:
        return round(time.perf_counter() - began, 3), memory.peak_mib(self._device)

    def _full(self, config: TrialConfig, base: base_model.Base) -> list[torch.Tensor] | None:
        if logits.NAME not in config.training.probes or config.is_reference:
            return None
        return self._full_logits.of(config, base, self._loaded.rows(config).validation)

    def _evaluate_base(self, start: Start, base: base_model.Base, rows: tokens.TokenRows, exchange: Exchange) -> int:
        facts = {"trainer": "sft", "device": str(self._device), "trainable_parameters": 0, "init_seconds": 0.0}
        exchange(Began(start.trial, 0, {**facts, **self._loaded.facts(start.config)}))
        found = _measure(start.config, base.model, base, rows)
        if found.counts:
            exchange(Confused(start.trial, 0, found.labels, found.counts))
        for made in _samples(start.config.data, base.model, base, rows):
            exchange(Sampled(start.trial, 0, made))
        exchange(Rung(start.trial, 0, found.values))
        return 0

    def _fit(
        self,
        start: Start,
        base: base_model.Base,
        rows: tokens.TokenRows,
        full: list[torch.Tensor] | None,
        exchange: Exchange,
        *,
        began: float,
    ) -> tuple[int, type[Ended | Paused]]:
        config = start.config
        measures = probes.at_rungs(config, base, rows)
        transformers.set_seed(config.training.seed)  # where TRL sets it: before the adapter's weights are drawn
        matched = adapter.matched(base.model, config.lora)
        attached = time.perf_counter()
        model = adapter.attach(base.model, config.lora)
        try:
            if config.lora.uses_loftq:
                loftq.initialise(model, FullPrecision(config.model).weight, config.lora.turns)
            known: dict[str, Any] = {"init_seconds": round(time.perf_counter() - attached, 3), **matched}
            if full is not None:
                known |= logits.compare(model, full, rows.validation, base.tokenizer.pad_token_id)
            trainer = fitting.trainer_of(config, model, base, rows, self._device)
            rungs = Rungs(
                start=start,
                exchange=exchange,
                measure=lambda: _measure(config, model, base, rows, measures),
                samples=lambda: _samples(config.data, model, base, rows),
                tokens_seen=lambda: trainer.tokens_seen,
                spent=lambda: self._spent(began),
                facts={**self._facts(config, model, rows), **known},
            )
            trainer.add_callback(rungs)
            fitting.train(trainer, start, exchange)
            return int(trainer.state.global_step), Paused if rungs.paused else Ended
        finally:
            self._release(model, config)

    def _facts(self, config: TrialConfig, model: Any, rows: tokens.TokenRows) -> dict[str, Any]:
        return {
            "trainer": "sft",
            "device": str(self._device),
            "threads": self._threads,
            "trainable_parameters": sum(item.numel() for item in adapter.trainable(model)),
            "train_rows": len(rows.train),
            "validation_rows": len(rows.validation),
            **self._loaded.facts(config),
        }

    def _release(self, model: Any, config: TrialConfig) -> None:
        base = model.unload()
        # TRL replaces forward by one with a fused head; left in place, every trial would wrap it once more.
        base.__dict__.pop("forward", None)
        if adapter.changes_base(config.lora):
            self._loaded.forget()


def _samples(data: Data, model: Any, base: base_model.Base, rows: tokens.TokenRows) -> list[list[Sample]]:
    """Returns a trial's answers, nothing where nobody asks."""
    return samples(model, base, data, rows) if data.validation_prompts else []


def _measure(
    config: TrialConfig,
    model: Any,
    base: base_model.Base,
    rows: tokens.TokenRows,
    measures: Sequence[probes.Measure] = (),
) -> Measured:
    found = measured(model, rows, base.tokenizer, config.data, config.training.per_device_eval_batch_size)
    for measure in measures:
        found.values.update(measure(model))
    return found


def make(resources: Resources, loaded: Loaded | None = None) -> SftTrainer:
    """Returns a trainer for one device, with the libraries' own progress bars off.

    Args:
        resources: What it may use.
        loaded: What it shares with another trainer of the same process.
    """
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    datasets.disable_progress_bars()
    return SftTrainer(resources, loaded)
