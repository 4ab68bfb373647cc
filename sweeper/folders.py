"""A folder per trial with its resolved configuration, for people who look at the disk."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from typing import Any

import yaml

from sweeper.event_log import Impatience, Patience
from sweeper.history import Trial
from sweeper.paths import SweepPaths


class Folders:
    """Writes `trials/<id>/config.yaml` when a trial is proposed, and removes its state when it has ended."""

    def __init__(self, paths: SweepPaths, patience: Patience | None = None) -> None:
        self._paths, self._patience = paths, patience or Impatience()

    def apply(self, record: Mapping[str, Any], trial: Trial | None) -> None:
        """Follows the sweep's log."""
        if trial is None:
            return
        if record["event"] == "proposed":
            self._patience.until(lambda: self._write(trial))
        elif trial.outcome is not None:
            shutil.rmtree(self._paths.state(trial.id), ignore_errors=True)

    def _write(self, trial: Trial) -> None:
        path = self._paths.trial_config(trial.id)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(trial.config, sort_keys=False), encoding="utf-8")
