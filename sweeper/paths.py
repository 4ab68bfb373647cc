"""Where everything of a sweep lies on disk; no other module joins these paths."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class SweepPaths:
    """The files of one sweep, below `runs/<sweep>/`."""

    root: Path

    @property
    def events(self) -> Path:
        """The event log: the truth."""
        return self.root / "events.jsonl"

    @property
    def asked(self) -> Path:
        """What the sweep was asked for, for people."""
        return self.root / "sweep.yaml"

    @property
    def preflight(self) -> Path:
        """What was found before anything was trained, as Markdown."""
        return self.root / "preflight.md"

    @property
    def study(self) -> Path:
        """Optuna's view of the sweep."""
        return self.root / "study.db"

    @property
    def leaderboard(self) -> Path:
        """The table, as Markdown."""
        return self.root / "leaderboard.md"

    @property
    def report(self) -> Path:
        """The report, as Markdown."""
        return self.root / "report.md"

    @property
    def page(self) -> Path:
        """The report as one file that opens in a browser."""
        return self.root / "report.html"

    @property
    def figures(self) -> Path:
        """The report's pictures."""
        return self.root / "figures"

    @property
    def decisions(self) -> Path:
        """What each stage of a procedure decided, and why."""
        return self.root / "decisions.md"

    @property
    def best(self) -> Path:
        """The winner's configuration, ready to run."""
        return self.root / "best.yaml"

    @property
    def log(self) -> Path:
        """What the libraries and workers had to say."""
        return self.root / "log.txt"

    def trial(self, trial: str) -> Path:
        """The folder of one trial, by its id."""
        return self.root / "trials" / trial

    def trial_config(self, trial: str) -> Path:
        """A trial's resolved configuration."""
        return self.trial(trial) / "config.yaml"

    def adapter(self, trial: str) -> Path:
        """A trial's best adapter in PEFT's format."""
        return self.trial(trial) / "adapter"

    def state(self, trial: str) -> Path:
        """What a paused trial goes on from; removed when it ends."""
        return self.trial(trial) / "state"
