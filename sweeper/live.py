"""The terminal while a sweep runs: what ended scrolls by; below stands what runs, what is best, how long it takes."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from rich.console import Console, Group
from rich.live import Live as Region
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from sweeper.history import Trial
from sweeper.overview import Overview
from sweeper.progress import duration, label_of
from sweeper.say import shown

_BLOCKS = "▁▂▃▄▅▆▇█"
_ROWS = 12  # packs run dozens of trials: a terminal of 24 lines shows these
_POINTS = 16  # of a sparkline
_PER_SECOND = 4


def is_wanted() -> bool:
    """True on a terminal that can move its cursor and is not told to stay plain (no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") not in {None, "dumb"}


class Live:
    """A region at the bottom of the terminal that follows an overview."""

    def __init__(self, overview: Overview, metric: str, console: Console | None = None) -> None:
        self._overview, self._metric = overview, metric
        self._console = console or Console(highlight=False, soft_wrap=True)
        self._region = Region(
            console=self._console, get_renderable=self._render, refresh_per_second=_PER_SECOND, transient=True
        )

    def say(self, text: str) -> None:
        """Prints a line above the region."""
        self._console.print(Text(shown(text)), soft_wrap=True)

    def open(self) -> None:
        """Shows the region."""
        self._region.start()

    def close(self) -> None:
        """Removes the region."""
        self._region.stop()

    def _render(self) -> Group:
        return Group(Text(self._head(), style="bold", no_wrap=True), *self._best(), self._running())

    def _head(self) -> str:
        speed, left = self._overview.steps_per_s, self._overview.seconds_left
        words = [str(self._overview.counts)]
        words += [f"{speed:.3g} steps/s"] if speed is not None else []
        words += [f"about {duration(left)} left"] if left is not None else []
        return "   ".join(words)

    def _best(self) -> list[Text]:
        best = self._overview.best
        if best is None:
            return []
        return [Text(f"best  {label_of(best[0])}  {self._metric} {best[2]:.4f} at step {best[1]}", no_wrap=True)]

    def _running(self) -> Table:
        table = Table.grid(padding=(0, 2))
        running = list(self._overview.running.values())
        for trial in running[:_ROWS]:
            step = self._overview.step(trial)
            bar = ProgressBar(total=trial.steps or 1, completed=step, width=20)
            value = trial.rungs[-1][1].get(self._metric) if trial.rungs else None
            count = f"{step}/{trial.steps}" if trial.steps else "loading"
            shown = "" if value is None else f"{self._metric} {value:.4f}"
            table.add_row(label_of(trial), bar, count, _curve(trial, self._metric), shown)
        if len(running) > _ROWS:
            table.add_row(f"and {len(running) - _ROWS} more")
        return table


def _curve(trial: Trial, metric: str) -> str:
    """Returns the objective's curve where it has two points, else the training loss's."""
    rungs = [values[metric] for _, values in list(trial.rungs) if metric in values]
    losses = [values["loss"] for _, values in list(trial.curve) if "loss" in values]
    return sparkline(rungs if len(rungs) > 1 else losses)


def sparkline(values: Sequence[float]) -> str:
    """Returns the last values as blocks, the largest as a full one; what is not finite leaves a gap."""
    shown = list(values)[-_POINTS:]
    finite = [value for value in shown if abs(value) < float("inf")]
    if not finite:
        return ""
    low, span = min(finite), (max(finite) - min(finite)) or 1.0
    return "".join(_block((value - low) / span) if value in finite else " " for value in shown)


def _block(share: float) -> str:
    return _BLOCKS[round(share * (len(_BLOCKS) - 1))]
