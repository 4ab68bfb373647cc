"""Everything that the checks before a run know of a trial."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from sweeper import run_length
from sweeper.facts import Facts
from sweeper.model_facts import ModelFacts
from sweeper.repeats import Repeats
from trainers.data import Account
from trainers.trial import TrialConfig


@dataclass(frozen=True)
class Hardware:
    """The device a trial will run on; `memory_gib` is None where nobody says, `has_bf16` likewise."""

    kind: Literal["cpu", "cuda"]
    name: str = "cpu"
    memory_gib: float | None = None
    has_bf16: bool | None = None


@dataclass(frozen=True)
class Scene:
    """One trial before it runs.

    `source_rows` are all rows of the training source, before any split or subset; `accounts` say by the setting that
    names a source what became of its rows; `model` is None where its files are not at hand.
    """

    config: TrialConfig
    facts: Facts
    source_rows: int
    hardware: Hardware
    model: ModelFacts | None = None
    repeats: Repeats = field(default_factory=Repeats)
    accounts: Mapping[str, Account] = field(default_factory=dict)

    @property
    def effective_batch(self) -> int:
        """Rows of an optimizer step: a trial is one process's, however many workers a sweep has."""
        training = self.config.training
        return training.per_device_train_batch_size * training.gradient_accumulation_steps

    @property
    def examples_a_row(self) -> float:
        """Training examples in a row of a batch: several where they are packed, counted by their tokens."""
        tokens, limit = self.facts.mean_tokens, self.config.training.max_length
        return limit / min(tokens, limit) if self.config.training.packing and tokens else 1.0

    @property
    def trained_rows(self) -> int:
        """The rows of an epoch, repeated and augmented ones among them."""
        data, rows = self.config.data, self.facts.rows
        if data.class_balance == "oversample" and self.facts.labels:  # the most frequent label is the first
            rows = len(self.facts.labels) * self.facts.labels[0][1]
        return rows * (1 if data.augmentation == "none" else data.augmentation_factor)

    @cached_property
    def whole(self) -> int:
        """Optimizer steps of the whole run, which `training.stop_at` may cut short."""
        return run_length.whole(self.config, self.trained_rows, self.facts.mean_tokens)

    @property
    def steps(self) -> int:
        """Optimizer steps that are run."""
        return self.config.steps_of(self.whole)
