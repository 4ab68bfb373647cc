"""Everything that the checks before a run know of a trial."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sweeper.facts import Facts
from sweeper.model_facts import ModelFacts
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

    `source_rows` are all rows of the training source, before any split or subset; `model` is None where its files are
    not at hand.
    """

    config: TrialConfig
    facts: Facts
    source_rows: int
    hardware: Hardware
    model: ModelFacts | None = None
