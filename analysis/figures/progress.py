"""How the best came about: every trial in the order in which they ended, and the best so far."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from analysis.evidence import Evidence
from analysis.figures.style import (
    AMBER,
    BLUE,
    FAINT,
    INK,
    ORANGE,
    better_words,
    dots,
    legend,
    panels,
    paper,
    shown,
)
from analysis.figures.window import Window, window
from analysis.levels import is_finite
from analysis.records import ORIGIN, TrialRow

FEWEST = 2
"""Completed trials."""

_NAMED = 14
"""Stages up to which their names are shown."""


def progress(evidence: Evidence) -> Figure | None:
    """Returns the picture; None where fewer than two trials have completed, or nobody knows in which order."""
    if ORIGIN in evidence.sweep.tags:
        return None
    metric, sign = evidence.ranking.metric, evidence.ranking.sign
    trials = _in_order(evidence.sweep.records.trials)
    values = [trial.metrics.get(metric, math.nan) for trial in trials]
    complete = [value for trial, value in zip(trials, values, strict=True) if _counts(trial) and is_finite(value)]
    if len(complete) < FEWEST:
        return None
    shown_window = window([value for value in values if is_finite(value)], sign)
    assert shown_window is not None  # there are two
    figure = paper(3.3)
    panel = panels(figure, 1, 1)[0]
    _stages(panel, trials)
    _points(panel, trials, values, shown_window)
    _best(panel, trials, values, sign)
    panel.set_ylim(*shown_window.limits)
    panel.set_xlim(0.4, len(trials) + 0.6)
    panel.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    panel.set_xlabel("trials that have ended")
    panel.set_ylabel(better_words(metric, evidence.ranking.direction))
    legend(figure, _handles(trials, values, shown_window))
    return figure


def _in_order(trials: Sequence[TrialRow]) -> list[TrialRow]:
    """Returns the trials as they ended; by their numbers where that is not known of all."""
    ended = [trial for trial in trials if not trial.is_reference and trial.outcome not in {"running", "interrupted"}]
    if any(trial.ended is None for trial in ended):
        return ended
    return sorted(ended, key=lambda trial: (trial.ended or 0.0, trial.number))


def _counts(trial: TrialRow) -> bool:
    """True for a trial that can be the best: complete, and as long as it was to be."""
    return trial.outcome == "complete" and not trial.short


def _stages(panel: Axes, trials: Sequence[TrialRow]) -> None:
    """Shades every other stage and names them all; one stage needs no name."""
    numbered = list(enumerate(trials, start=1))
    found = [
        (stage, [at for at, _ in group]) for stage, group in itertools.groupby(numbered, lambda item: item[1].stage)
    ]
    if len(found) < 2:
        return
    for index, (stage, at) in enumerate(found):
        if index % 2:
            panel.axvspan(at[0] - 0.5, at[-1] + 0.5, color=INK, alpha=0.06, linewidth=0, zorder=0)
        if len(found) <= _NAMED:
            panel.text(
                (at[0] + at[-1]) / 2, 1.01, shown(stage, 22), transform=panel.get_xaxis_transform(), fontsize=7.5,
                ha="left", va="bottom", rotation=30, rotation_mode="anchor",
            )  # fmt: skip


def _points(panel: Axes, trials: Sequence[TrialRow], values: Sequence[float], shown_window: Window) -> None:
    for kind, colour in _KINDS.items():
        chosen = [
            (at, value) for at, (trial, value) in enumerate(zip(trials, values, strict=True), start=1)
            if _kind(trial) == kind and is_finite(value)
        ]  # fmt: skip
        for inside in (True, False):
            found = [(at, shown_window.clipped(value)) for at, value in chosen if shown_window.holds(value) == inside]
            worse = "^" if shown_window.worst >= shown_window.best else "v"
            dots(
                panel, found, s=14 if len(trials) < 200 else 6, c=colour,
                marker=_MARKS[kind] if inside else worse, alpha=0.8 if kind == "complete" else 0.5, linewidths=0,
                zorder=3,
            )  # fmt: skip


_KINDS = {"pruned": FAINT, "short": AMBER, "failed": FAINT, "complete": BLUE}
_MARKS = {"pruned": "o", "short": "s", "failed": "X", "complete": "o"}
_WORDS = {
    "complete": "complete",
    "short": "of a shortened stage",
    "pruned": "pruned, at its best",
    "failed": "failed or diverged, at its best",
}


def _kind(trial: TrialRow) -> str:
    if trial.outcome == "complete":
        return "short" if trial.short else "complete"
    return "pruned" if trial.outcome == "pruned" else "failed"


def _best(panel: Axes, trials: Sequence[TrialRow], values: Sequence[float], sign: int) -> None:
    at, so_far, best = list[int](), list[float](), math.inf
    for number, (trial, value) in enumerate(zip(trials, values, strict=True), start=1):
        if _counts(trial) and is_finite(value):
            best = min(best, sign * value)
        if best < math.inf:
            at.append(number)
            so_far.append(sign * best)
    panel.step(at, so_far, where="post", color=ORANGE, linewidth=1.8, zorder=2)


def _handles(trials: Sequence[TrialRow], values: Sequence[float], shown_window: Window) -> list[Line2D]:
    there = {_kind(trial) for trial, value in zip(trials, values, strict=True) if is_finite(value)}
    found = [Line2D([], [], color=ORANGE, linewidth=1.8, label="best so far")]
    found += [
        Line2D([], [], color=_KINDS[kind], marker=_MARKS[kind], linestyle="", markersize=4.5, label=words)
        for kind, words in _WORDS.items()
        if kind in there
    ]
    if shown_window.beyond:
        worse = "^" if shown_window.worst >= shown_window.best else "v"
        found.append(
            Line2D(
                [],
                [],
                color=INK,
                marker=worse,
                linestyle="",
                markersize=4.5,
                label=f"{shown_window.beyond} beyond the axis",
            )
        )
    return found
