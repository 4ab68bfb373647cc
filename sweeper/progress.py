"""What the terminal says while a sweep runs: one plain line whenever a trial pauses, goes on, or ends."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from analysis.naming import trial_name
from analysis.redaction import redacted
from analysis.visible import on_one_line
from sweeper.decisions import Objective
from sweeper.history import Trial
from sweeper.overview import Overview


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


# What a name tells already, by the last part of its key.
_TOLD = {"r", "alpha", "gain", "dropout", "lr_scheduler_type", "data", "name"}


def label_of(trial: Trial) -> str:
    """Returns a trial's name, and what is varied beyond it: `exp3_r8_a16_d05_linear_mine learning_rate=0.0022`."""
    told = {key: value for key, value in trial.params.items() if value is not None and not isinstance(value, dict)}
    varied = {key.rpartition(".")[2]: value for key, value in told.items()}
    more = [f"{key}={_short(value)}" for key, value in varied.items() if key not in _TOLD]
    return " ".join([name_of(trial), *more])


def _short(value: Any) -> str:
    text = f"{value:.3g}" if isinstance(value, float) else on_one_line(redacted(str(value)))
    return text if len(text) <= 24 else f"{text[:23]}…"


def duration(seconds: float) -> str:
    """Returns a time as one would say it: `40 s`, `12 min`, `3 h 20 min`, `2 d 4 h`."""
    minutes, hours = round(seconds / 60), round(seconds / 3600)
    if seconds < 90:
        return f"{seconds:.0f} s"
    if minutes < 90:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min" if hours < 24 else f"{hours // 24} d {hours % 24} h"


class Progress:
    """Prints a line whenever a trial pauses, goes on, or ends."""

    def __init__(self, overview: Overview, total: float, objective: Objective, say: Callable[[str], None]) -> None:
        self._overview, self._total, self._objective, self._say = overview, total, objective, say

    def apply(self, record: Mapping[str, Any], trial: Trial | None) -> None:
        """Follows the sweep's log; the overview has done so already."""
        if trial is None:
            return
        match record["event"]:
            case "paused":
                self._say(f"[{self._count()}] {label_of(trial)}  {self._best(trial)}paused")
            case "decided" if trial.paused and record["outcome"] is None:
                self._say(f"[{self._count()}] {label_of(trial)}  goes on: {record['reason']}")
            case "lost":
                self._say(f"[{self._count()}] {label_of(trial)}  {record['reason']}")
            case "reduced":
                rows = trial.ran["training.per_device_train_batch_size"]
                self._say(f"[{self._count()}] {label_of(trial)}  out of memory: tried again with {rows} rows at a time")
            case "ended" | "failed":
                head = "base" if trial.is_reference else self._count()
                self._say(f"[{head}] {label_of(trial)}  {self._result(trial)}")

    def _count(self) -> str:
        counts = self._overview.counts
        done = counts.done + counts.pruned + counts.failed
        return f"{done}/{self._total:g}" if math.isfinite(self._total) else f"{done}"

    def _result(self, trial: Trial) -> str:
        seconds = f"  {trial.seconds:.1f} s" if trial.seconds is not None else ""
        left = self._overview.seconds_left
        rest = f", about {duration(left)} left" if seconds and left else ""
        best = "" if trial.outcome == "pruned" else self._best(trial)  # the reason names it
        return f"{best}{self._outcome(trial)}{seconds}{rest}"

    def _best(self, trial: Trial) -> str:
        best = trial.best(self._objective.metric, self._objective.direction)
        return f"{self._objective.metric} {best[1][self._objective.metric]:.4f} at step {best[0]}  " if best else ""

    @staticmethod
    def _outcome(trial: Trial) -> str:
        if trial.outcome == "complete":
            return "untrained" if trial.is_reference else "complete"
        return f"{trial.outcome}: {trial.reason}"
