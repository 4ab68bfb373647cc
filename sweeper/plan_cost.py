"""What a plan's trials cost: each counted once, those that are measured already not at all."""

from __future__ import annotations

from pathlib import Path

from sweeper import files, run_length, step_times
from sweeper.command import Command
from sweeper.event_log import read
from sweeper.executors.devices import devices
from sweeper.history import History
from sweeper.identity import trial_id
from sweeper.lengths import lengths_of
from sweeper.paths import SweepPaths
from trainers.trial import TrialConfig


class Cost:
    """Counts a plan's distinct trials, their steps, and the time these took before."""

    def __init__(self, asked: Command) -> None:
        self._asked, self._devices = asked, devices(asked.settings.executor)
        self._seen = _measured(asked)
        self.trials, self.certain, self.steps, self._seconds = 0, 0, 0, 0.0
        self._is_timed = True

    @property
    def estimated_s(self) -> float | None:
        """The time on all devices together, None where no step was timed with such a model on such a device."""
        return self._seconds / len(self._devices) if self._is_timed and self.trials else None

    def add(
        self,
        config: TrialConfig,
        stage: str,
        *,
        is_known: bool = True,
        is_certain: bool = True,
        repeats: str | None = None,
    ) -> str | None:
        """Counts a trial.

        Args:
            config: The trial's, or one that it can become.
            stage: The stage that lists it, empty for a plain search.
            is_known: Whether the configuration is its own: two trials that await a winner differ.
            is_certain: Whether no condition decides that it runs.
            repeats: The earlier stage whose candidate it is, where it awaits one.

        Returns:
            Where it is measured before this trial's turn; None where it has to be run.
        """
        if not is_known and repeats is not None:
            return f"stage {repeats}"
        found = trial_id(config) if is_known else f"{stage} {self.trials}"
        if found in self._seen:
            return self._seen[found]
        self._seen[found] = f"stage {stage}" if stage else "above"
        self.trials, self.certain = self.trials + 1, self.certain + is_certain
        steps = self.steps_of(config)
        self.steps += steps
        per_row = step_times.seconds_per_row(config, self._devices[0].name)
        self._is_timed = self._is_timed and per_row is not None
        self._seconds += (per_row or 0.0) * steps * step_times.rows_per_step(config)
        return None

    def steps_of(self, config: TrialConfig) -> int:
        """Returns the optimizer steps of a trial."""
        rows = files.rows_of(config.data)
        if rows is None:
            return max(0, config.training.max_steps)
        packs = config.training.packing and config.training.max_steps < 0
        return run_length.steps(config, len(rows.train), lengths_of(config, rows.train).mean if packs else 0.0)


def _measured(asked: Command) -> dict[str, str]:
    """Finds the trials that an earlier run of the same sweep has measured."""
    if asked.settings.sweep.fresh:
        return {}
    log = SweepPaths(Path(asked.settings.sweep.dir) / asked.name).events
    trials = History(read(log)).trials
    return {found: "this sweep" for found, trial in trials.items() if trial.outcome is not None}
