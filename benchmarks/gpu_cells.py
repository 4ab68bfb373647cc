"""One cell of a table: trials of one shape, trained one way, timed and weighed."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from benchmarks import made_rows
from benchmarks.driving import drive
from benchmarks.flops import Work
from benchmarks.shapes import LlamaShape
from benchmarks.timeline import Timeline, middle
from benchmarks.trl_loop import TrlLoop
from trainers import data
from trainers.loaded import Loaded
from trainers.packed.trainer import PackedTrainer
from trainers.registry import Resources
from trainers.trial import Data, Lora, Model, Quantization, Training, TrialConfig

R = 16
_ROWS = 512
_THREADS = 1  # of the CPU, for every way the same
_MIB = 2**20


@dataclass(frozen=True)
class Plan:
    """What is measured: the model, the length of the trials, and the tables' axes."""

    shape: LlamaShape
    quantization: Quantization
    steps: int
    logging_steps: int
    packs: tuple[int, ...]
    pack: int
    batches: tuple[int, ...]
    lengths: tuple[int, ...]
    minutes: float


@dataclass(frozen=True)
class Cell:
    """What was measured: seconds per trial and step, before a trial's first step, operations, MiB at the peak."""

    step: float
    built: float
    flops: float
    peak: float | None

    @property
    def speed(self) -> float:
        """Trial-steps per second."""
        return 1 / self.step


@dataclass(frozen=True)
class Asked:
    """A cell's trials: rows of a micro-batch, tokens of the longest row."""

    batch: int = 8
    length: int = made_rows.LENGTH


class Bench:
    """Measures cells on one device; whatever goes wrong in one is its content, and the next is measured."""

    def __init__(self, plan: Plan, device: torch.device, folder: Path) -> None:
        self.plan, self._device, self._folder = plan, device, folder
        self._loaded = Loaded(device)
        torch.set_num_threads(_THREADS)
        self._ends = time.monotonic() + 60 * plan.minutes

    def trl(self, asked: Asked) -> Cell | str:
        """Measures TRL's own trainer, one trial at a time."""
        return self._guarded(asked, 1, self._trl)

    def sft(self, asked: Asked) -> Cell | str:
        """Measures `trainers.sft`, one trial at a time."""
        return self._guarded(asked, 1, self._sft)

    def packed(self, asked: Asked, slots: int) -> Cell | str:
        """Measures so many trials in one pass."""
        return self._guarded(asked, slots, self._packed)

    def _trl(self, trials: Mapping[str, TrialConfig]) -> dict[str, Timeline]:
        base, rows = self._loaded.base(trials["0"]), data.load(trials["0"].data)
        return {"0": TrlLoop(base, rows, evaluates=False).run(trials["0"])}

    def _sft(self, trials: Mapping[str, TrialConfig]) -> dict[str, Timeline]:
        from trainers.sft import SftTrainer  # needs greenlet, which the others do not

        return drive(SftTrainer(Resources(str(self._device), _THREADS), self._loaded), trials)

    def _packed(self, trials: Mapping[str, TrialConfig]) -> dict[str, Timeline]:
        return drive(PackedTrainer(Resources(str(self._device), _THREADS, capacity=len(trials)), self._loaded), trials)

    def _guarded(
        self, asked: Asked, number: int, train: Callable[[Mapping[str, TrialConfig]], dict[str, Timeline]]
    ) -> Cell | str:
        if time.monotonic() > self._ends:
            return "no time left"
        try:
            return self._cell(asked, number, train)
        except Exception as error:  # noqa: BLE001 - one cell's trouble is its content, the others are still measured
            self._loaded.forget()  # it may be half-wrapped
            return _said(error)

    def _cell(
        self, asked: Asked, number: int, train: Callable[[Mapping[str, TrialConfig]], dict[str, Timeline]]
    ) -> Cell:
        trials = {str(place): self._trial(asked, place) for place in range(number)}
        rows = self._loaded.rows(trials["0"])  # loads the base where it is not yet: no way's own cost
        self._tidy()
        found = train(trials)
        prefix = int(found["0"].facts.get("pack.prefix", 0))
        work = Work.of(self._loaded.base(trials["0"]).model, R)
        return Cell(
            middle(found["0"].steps) / number,
            statistics.median(timeline.built for timeline in found.values()),
            work.per_step(rows.train, asked.batch, prefix),
            self._peak(),
        )

    def _tidy(self) -> None:
        """Frees what the cell before has left, and measures the peak from here."""
        if self._device.type == "cuda":
            gc.collect()
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats(self._device)

    def _peak(self) -> float | None:
        return torch.cuda.max_memory_allocated(self._device) / _MIB if self._device.type == "cuda" else None

    def _trial(self, asked: Asked, place: int) -> TrialConfig:
        path = self._folder / f"rows-{asked.length}.jsonl"
        if not path.exists():
            made_rows.write(path, _ROWS, asked.length)
        training = Training(
            1e-4 * (1 + place % 8),
            per_device_train_batch_size=asked.batch,
            per_device_eval_batch_size=asked.batch,
            max_steps=self.plan.steps,
            eval_steps=self.plan.steps,
            logging_steps=self.plan.logging_steps,
            max_length=asked.length,
            seed=42 + place,
        )
        rows = Data("made", str(path), validation_fraction=0.02)
        model = Model("shape", str(self._folder / "model"))
        return TrialConfig(model, self.plan.quantization, Lora(R, alpha=2 * R, dropout=0.0), rows, training)


def _said(error: Exception) -> str:
    """Returns an error in one line that a table's cell can hold."""
    said = (str(error).strip().splitlines() or [""])[0].replace("|", "/")
    full = isinstance(error, (torch.OutOfMemoryError, MemoryError)) or "out of memory" in said
    return "out of memory" if full else f"{type(error).__name__}: {said}"
