"""What the terminal says while a sweep runs: one plain line per finished trial."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from analysis.naming import trial_name
from sweeper.decisions import Objective
from sweeper.history import History, Trial


def name_of(trial: Trial) -> str:
    """Returns a recorded trial's name in the form of the leaderboard."""
    if trial.is_reference:
        quantization = trial.config["quantization"]["name"]
        return "base" if quantization == "none" else f"base_{quantization}"
    return trial_name(
        trial.number + 1,
        r=trial.config["lora"]["r"],
        alpha=trial.config["lora"]["alpha"],
        dropout=trial.config["lora"]["dropout"],
        scheduler=trial.config["training"]["lr_scheduler_type"],
        data="augmented" if trial.config["data"]["augmentation"] != "none" else trial.config["data"]["name"],
    )


class Progress:
    """Prints a line whenever a trial ends."""

    def __init__(self, history: History, total: float, objective: Objective, say: Callable[[str], None]) -> None:
        self._done = sum(trial.outcome is not None for trial in history.contenders)
        self._total, self._objective, self._say = total, objective, say

    def apply(self, record: Mapping[str, Any], trial: Trial | None) -> None:
        """Follows the sweep's log."""
        if trial is None or record["event"] not in {"ended", "failed"}:
            return
        if trial.is_reference:
            self._say(f"[base] {name_of(trial)}  {self._result(trial)}")
            return
        self._done += 1
        count = f"{self._done}/{self._total:g}" if math.isfinite(self._total) else f"{self._done}"
        self._say(f"[{count}] {name_of(trial)}  {self._result(trial)}")

    def _result(self, trial: Trial) -> str:
        metric = self._objective.metric
        best = trial.best(metric, self._objective.direction)
        value = f"{metric} {best[1][metric]:.4f} at step {best[0]}  " if best else ""
        seconds = f"  {trial.seconds:.1f} s" if trial.seconds is not None else ""
        return f"{value}{self._outcome(trial)}{seconds}"

    @staticmethod
    def _outcome(trial: Trial) -> str:
        if trial.outcome == "complete":
            return "untrained" if trial.is_reference else "complete"
        return f"{trial.outcome}: {trial.reason}"
