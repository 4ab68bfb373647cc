"""Trains a changing set of trials in one forward and backward pass, behind the same seam as `trainers.sft`."""

from __future__ import annotations

import functools
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from trainers import adapter, memory
from trainers.failure import failed
from trainers.loaded import Loaded
from trainers.packed import export, files, state
from trainers.packed.anatomy import Anatomy
from trainers.packed.key import Key, key
from trainers.packed.measuring import Measuring
from trainers.packed.opening import opened, outgrown
from trainers.packed.passing import TornUpdateError, passed
from trainers.packed.run import Run
from trainers.packed.seats import Seats
from trainers.patience import patiently
from trainers.registry import Resources
from trainers.seam import (
    Began,
    Command,
    Confused,
    Ended,
    Event,
    Evicted,
    GoOn,
    Pause,
    Paused,
    Room,
    Rung,
    Sampled,
    Saved,
    Start,
    Test,
    TrialFailed,
)
from trainers.trial import TrialConfig


class PackedTrainer:
    """Holds a pack, and the trials in its slots; trials leave and join where one of them waits at a rung."""

    def __init__(self, resources: Resources, loaded: Loaded | None = None) -> None:
        self._resources, self._device = resources, torch.device(resources.device)
        self._loaded = loaded or Loaded(self._device)
        self._seats: Seats | None = None
        self._key: Key | None = None
        self._anatomy: Anatomy | None = None
        self._offers = False
        self._measuring = Measuring(self._loaded)
        self._most: int | None = None  # slots, once that many were too many for an optimizer step

    def accepts(self, config: TrialConfig) -> bool:
        """True where a trial's base model lets slots share a pass.

        Raises:
            TrialFailed: The base cannot be loaded.
        """
        return self._look(config).packable(config)

    def release(self) -> None:
        """Lets the slots go; there must be no trial left in them."""
        self._seats = self._key = None

    def _look(self, config: TrialConfig) -> Anatomy:
        base = self._loaded.base(config)
        if self._anatomy is None or self._anatomy.base is not base:
            self._seats, self._key, self._anatomy = None, None, Anatomy(base)
        return self._anatomy

    def advance(self, commands: Sequence[Command]) -> Iterator[Event]:
        """Obeys, and yields what happens until a trial waits at a rung or there is room that nobody was offered."""
        if self._device.type == "cpu":
            torch.set_num_threads(self._resources.threads)
        for command in commands:
            try:
                yield from self._obey(command)
            except Exception as error:  # noqa: BLE001 - as below; it is this trial's alone
                yield self._broken(command.trial, error)
        if self._seats is None or not self._seats.held or any(run.waits for _, run in self._seats.held):
            return
        if self._offers and self._seats.free:
            self._offers = False
            yield Room(self._seats.free)
            return
        try:
            yield from self._train(self._seats)
        except Exception as error:  # noqa: BLE001 - whatever trials raise becomes their record, as in trainers.sft
            yield from self._lost(error)

    # -- obeying ------------------------------------------------------------------------------------------------------

    def _obey(self, command: Command) -> Iterator[Event]:
        if isinstance(command, Start):
            yield from self._started(command)
            return
        assert self._seats is not None and not isinstance(command, Test)  # which is for trainers.sft
        slot, run = self._seats.of(command.trial)
        run.waits = False
        if command.keep:
            yield from patiently(command.trial, lambda: self._export(slot, run))
        if isinstance(command, Pause) or (isinstance(command, GoOn) and command.save):
            yield from patiently(command.trial, lambda: self._write(slot, run))
        if isinstance(command, GoOn):
            if command.save:
                yield Saved(command.trial, run.step, *self._spent(run))
        else:
            yield self._left(slot, run, Paused if isinstance(command, Pause) else Ended)

    def _broken(self, trial: str, error: Exception) -> Event:
        """Ends a trial whose files cannot be written, ever."""
        assert self._seats is not None
        self._seats.leave(self._seats.of(trial)[0])
        self._offers = True
        return failed(trial, error)

    def _export(self, slot: int, run: Run) -> None:
        assert self._seats is not None
        export.save(Path(run.start.adapter), run.config, run.targets, self._seats.tensors(slot, run))

    def _write(self, slot: int, run: Run) -> None:
        assert self._seats is not None
        state.save(Path(run.start.state), run.step, run.state(), self._seats.tensors(slot, run))
        run.saved = run.step, round(run.seconds, 3)

    def _spent(self, run: Run) -> tuple[float, float | None]:
        return round(run.seconds, 3), memory.peak_mib(self._device)

    def _left(self, slot: int, run: Run, how: type[Paused | Ended | Evicted]) -> Event:
        assert self._seats is not None
        self._seats.leave(slot)
        self._offers = True
        return how(run.start.trial, run.step, *self._spent(run))

    def _started(self, start: Start) -> Iterator[Event]:
        try:
            yield self._begin(start)
        except Exception as error:  # noqa: BLE001 - whatever a trial raises becomes its record, as in trainers.sft
            if not (memory.is_exhausted(error) and self._seats is not None and self._seats.held):
                yield failed(start.trial, error)
                return
            yield Evicted(start.trial, start.from_step, None)  # one too many here: not too large by itself
            if not self._seats.are_there:
                yield from self._scatter(self._seats, error)

    def _begin(self, start: Start) -> Event:
        anatomy, rows = self._look(start.config), self._loaded.rows(start.config)
        if not anatomy.packable(start.config) or files.is_of_another_trainer(start):
            if self._seats is not None and self._seats.held:  # only an empty worker can take it
                return Evicted(start.trial, start.from_step, None)
            raise TrialFailed("its layers, or the state it goes on from, are not for a shared pass: use trainer=auto")
        if self._seats is None or not (self._seats.held or key(start.config) == self._key):
            self._seats, self._key = opened(start, anatomy, rows, self._resources, self._most), key(start.config)
            memory.reset_peak(self._device)
        began = time.perf_counter()
        shape = self._seats.slots.shape
        run, tensors = Run(start, rows.train, anatomy.targets(start.config.lora), shape), None
        if start.from_step:
            described, tensors = state.load(Path(start.state), start.from_step)
            run.load(described)
        self._seats.join(run, tensors)
        self._offers = True
        return Began(start.trial, run.steps, self._facts(run, time.perf_counter() - began))

    def _facts(self, run: Run, seconds: float) -> dict[str, str | int | float]:
        assert self._seats is not None
        pack, rows = self._seats.slots.pack, self._loaded.rows(run.config)
        matched = adapter.matched(self._loaded.base(run.config).model, run.config.lora)
        return {
            "trainer": "packed",
            "device": str(self._device),
            "threads": self._resources.threads,
            "trainable_parameters": sum(run.config.lora.r * sum(pack.sizes[name]) for name in run.targets.names),
            "init_seconds": round(seconds, 3),
            "train_rows": len(rows.train),
            "validation_rows": len(rows.validation),
            **self._loaded.facts(run.config),
            **pack.shape.facts(),
            **matched,
        }

    # -- training -----------------------------------------------------------------------------------------------------

    def _train(self, seats: Seats) -> Iterator[Event]:
        """Trains until a trial waits."""
        while seats.held and not any(run.waits for _, run in seats.held):
            try:
                points = passed(seats)
            except TornUpdateError as error:
                yield from self._scatter(seats, error.__cause__)
                return
            except Exception as error:
                if not memory.is_exhausted(error):
                    raise
                yield from self._shrink(seats, error)
                continue
            yield from points
            due = [(slot, run) for slot, run in seats.held if run.at_rung and not run.waits]
            yield from self._evaluated(seats, due)
        self._offers = True

    def _evaluated(self, seats: Seats, due: Sequence[tuple[int, Run]]) -> Iterator[Event]:
        """Measures the trials that have come to a rung."""
        assert self._anatomy is not None
        found = self._measuring.of(seats, [slot for slot, _ in due], self._anatomy.is_ragged) if due else []
        for (_, run), (measured, answers) in zip(due, found, strict=True):
            run.schedule.evaluated(measured.values["eval_loss"])
            run.waits = True
            if measured.counts:
                yield Confused(run.start.trial, run.step, measured.labels, measured.counts)
            if answers:
                yield Sampled(run.start.trial, run.step, answers)
            yield Rung(run.start.trial, run.step, measured.values)

    def _shrink(self, seats: Seats, error: Exception) -> Iterator[Event]:
        """Sends half of the trials away with their state, and goes on with the others in half the room."""
        size, config = seats.slots.shape.slots, seats.held[0][1].config
        for _, run in seats.held:
            run.rewind()
        if size == 1:
            slot, run = seats.held[0]
            seats.leave(slot)
            yield failed(run.start.trial, error)
            return
        for slot, run in seats.held[size // 2 :]:
            yield from patiently(run.start.trial, functools.partial(self._write, slot, run))
            yield self._left(slot, run, Evicted)
        seats.halve()
        if self._resources.capacity is None:
            outgrown(config, seats.slots.shape, size // 2, self._device)

    def _scatter(self, seats: Seats, error: BaseException | None) -> Iterator[Event]:
        """Sends all trials back to their states on disk: what is in the slots is of no use, and half must do."""
        held, shape = seats.held, seats.shape
        self._seats = self._key = None
        if len(held) == 1:
            yield failed(held[0][1].start.trial, error or RuntimeError("out of memory"))
            return
        self._most = max(1, shape.slots // 2)
        if self._resources.capacity is None:
            outgrown(held[0][1].config, shape, self._most, self._device)
        for _, run in held:
            yield Evicted(run.start.trial, *run.saved, memory.peak_mib(self._device))

    def _lost(self, error: Exception) -> Iterator[Event]:
        """Ends every trial of a pack that cannot go on."""
        held = [] if self._seats is None else self._seats.held
        self._seats = self._key = self._anatomy = None
        self._loaded.forget()
        for _, run in held:
            yield failed(run.start.trial, error)


def make(resources: Resources) -> PackedTrainer:
    """Returns a trainer for one device."""
    return PackedTrainer(resources)
