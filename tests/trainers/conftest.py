"""A trial of the micro model, for every trainer's tests."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trainers.trial import Data, Lora, Model, Quantization, Training, TrialConfig


@pytest.fixture(scope="session", autouse=True)
def frozen() -> None:
    """Freezes what the libraries have built, as executors do.

    Accelerate collects garbage before each trial, and would look through all of it.
    """
    import trainers.sft  # noqa: F401

    gc.collect()
    gc.freeze()


@pytest.fixture
def micro_trial(micro_model: Path, rows: Path) -> Callable[..., TrialConfig]:
    """Makes one; what it is given are fields of its training, the adapter's dropout and the prompt's template aside."""

    def made(dropout: float = 0.0, template: str | None = None, **training: Any) -> TrialConfig:
        return TrialConfig(
            Model("micro", str(micro_model)),
            Quantization(),
            Lora(4, 8, dropout=dropout),
            Data("rows", str(rows), validation_fraction=0.3, template=template),
            Training(**{"per_device_train_batch_size": 4, "max_length": 60, **training}),
        )

    return made
