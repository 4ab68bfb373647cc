"""How long a training row took here before, per model and device: what a plan's estimated time comes from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sweeper.history import Trial
from trainers.remembered import recall, remember
from trainers.trial import TrialConfig, from_mapping

_FILE = "step_times.json"


class StepTimes:
    """Follows the log and keeps the latest measurement."""

    def apply(self, record: Mapping[str, Any], trial: Trial | None) -> None:
        """Remembers a trial that has run to its end."""
        if record["event"] != "ended" or trial is None or trial.is_reference or not trial.seconds:
            return
        config, device = from_mapping(trial.config), str(trial.facts.get("device", ""))
        rows = trial.last_step * rows_per_step(config)
        if rows and device.partition(":")[0] in {"cpu", "cuda"}:
            remember(_path(config), _key(config, device), round(trial.seconds / rows, 9))


def rows_per_step(config: TrialConfig) -> int:
    """Returns the rows that one optimizer step sees."""
    return config.training.per_device_train_batch_size * config.training.gradient_accumulation_steps


def seconds_per_row(config: TrialConfig, device: str) -> float | None:
    """Returns what a row took with this model, quantization and length on this device, evaluation included.

    Returns:
        Seconds, None where nothing was measured yet.
    """
    return recall(_path(config), _key(config, device))


def _path(config: TrialConfig) -> Path:
    return Path(config.model.cache_dir) / _FILE


def _key(config: TrialConfig, device: str) -> str:
    length = config.training.max_length if config.training.packing else "rows"
    return f"{config.model.path} {config.quantization.name} {length} {device.partition(':')[0]}"
