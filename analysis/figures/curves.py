"""Learning curves of the best configurations over those of the rest."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from analysis.configuration import SEED, Configuration
from analysis.evidence import Evidence
from analysis.figures.learning_curve import XY, axis_words, learning_curve
from analysis.figures.style import CATEGORIES, FAINT, INK, better_words, legend, panels, paper, shown
from analysis.figures.varied import number
from analysis.figures.window import Window, window
from analysis.levels import finite
from analysis.numeric import is_number
from analysis.ranking import Place
from analysis.records import TrialRow

TOP = 5
"""Configurations with a colour of their own."""

SEEDS = 3
"""Trials of each that are drawn."""

REST = 100
"""Other trials that are drawn: each costs a query."""

_ENLARGED = 0.4
"""Share of the height that the second half of the best curves takes, below which it has a panel of its own."""

_RATIO = 4.0
"""Largest over smallest shown value from which on the axis is logarithmic."""


def curves(evidence: Evidence) -> Figure | None:
    """Returns the picture; None where no top trial was evaluated twice."""
    top = [(place, _read(evidence, place.configuration.trials[:SEEDS])) for place in evidence.ranking.places[:TOP]]
    if not any(len(points) > 1 for _, found in top for points in found):
        return None
    rest = _read(evidence, _others(evidence))
    best = [points for _, found in top for points in found]
    shown_window = _window(evidence, best, rest)
    end = _end(best, evidence.ranking.sign)
    figure = paper(3.9)
    axes = panels(figure, 1, 2 if end else 1, width_ratios=[3, 2] if end else None)
    for panel in axes:
        _draw(panel, top, rest)
        panel.set_xlabel(axis_words(trial for place, points in top if points for trial in place.configuration.trials))
    _base(axes[0], evidence, shown_window)
    _label(axes[0], evidence, shown_window)
    if end:
        _enlarge(axes[1], *end)
    legend(figure, _handles(top, rest, shown_window), columns=2)
    return figure


def _end(best: Sequence[XY], sign: int) -> tuple[float, Window] | None:
    """Returns from which step on the ends of the best are enlarged, and what is shown; None where one sees them."""
    last = max(step for points in best for step, _ in points)
    late = [value for points in best for step, value in points if step >= last / 2]
    every = [value for points in best for _, value in points]
    low, high = min(late), max(late)
    if not 0 < high - low < _ENLARGED * (max(every) - min(every)):
        return None
    margin = 0.35 * (high - low)  # some of the rest, on the side of the worse
    return last / 2, Window(low, high + margin) if sign > 0 else Window(high, low - margin)


def _enlarge(panel: Axes, first: float, shown_window: Window) -> None:
    _left, right = panel.get_xlim()
    panel.set_xlim(first, right)
    panel.set_ylim(*shown_window.limits)
    panel.set_title("the ends, enlarged", loc="left", fontsize=8)


def _read(evidence: Evidence, trials: Sequence[TrialRow]) -> list[XY]:
    read = (learning_curve(evidence, trial) for trial in trials)
    return [points for points in read if points]


def _others(evidence: Evidence) -> list[TrialRow]:
    """Returns evenly spaced ones of the trials that are not at the top."""
    top = {trial.trial for place in evidence.ranking.places[:TOP] for trial in place.configuration.trials}
    others = [row for row in evidence.sweep.records.trials if not row.is_reference and row.trial not in top]
    count = min(REST, len(others))
    return [others[index * len(others) // count] for index in range(count)]


def _window(evidence: Evidence, top: Sequence[XY], rest: Sequence[XY]) -> Window:
    """Returns what is shown: every point of the best, and of the rest what is not far worse than most."""
    sign = evidence.ranking.sign
    found = window([value for points in [*top, *rest] for _, value in points], sign)
    assert found is not None  # a top trial has two points
    worst = max(sign * found.worst, *(sign * value for points in top for _, value in points))
    return Window(found.best, sign * worst, _leaving(rest, worst, sign))


def _leaving(rest: Sequence[XY], worst: float, sign: int) -> int:
    return sum(any(sign * value > worst for _, value in points) for points in rest)


def _draw(axes: Axes, top: Sequence[tuple[Place, list[XY]]], rest: Sequence[XY]) -> None:
    for points in rest:
        axes.plot(*zip(*points, strict=True), color=FAINT, linewidth=0.7, alpha=0.45, zorder=1)
        if len(points) == 1:
            axes.plot(*points[0], ".", color=FAINT, markersize=3, zorder=1)
    for (_, found), colour in reversed(list(zip(top, CATEGORIES, strict=False))):
        for points in found:
            mark = "o" if len(points) <= 25 else ""
            width = 1.6 if len(found) == 1 else 1.0
            axes.plot(*zip(*points, strict=True), color=colour, linewidth=width, marker=mark, markersize=2.5, zorder=3)


def _base(axes: Axes, evidence: Evidence, shown_window: Window) -> None:
    """Draws what the model does untrained; where that is far away, says where."""
    references = [row for row in evidence.sweep.records.trials if row.is_reference]
    values = [row.metrics[evidence.ranking.metric] for row in references if evidence.ranking.metric in row.metrics]
    for _, value in finite(tuple((0, value) for value in values[:1])):
        low, high = shown_window.limits
        near = low - 0.5 * (high - low) <= value <= high + 0.5 * (high - low)
        if near:
            axes.axhline(value, color=INK, linewidth=1.0, linestyle="--", zorder=2)
        at = value if near else (high if value > high else low)
        arrow = "" if near else (" ↑" if value > high else " ↓")
        axes.annotate(
            f"base model {number(value)}{arrow}", (1.0, at), xycoords=("axes fraction", "data"), fontsize=8,
            xytext=(-2, 3 if near else -3), textcoords="offset points", ha="right", va="bottom" if near else "top",
        )  # fmt: skip


def _label(axes: Axes, evidence: Evidence, shown_window: Window) -> None:
    low, high = shown_window.limits
    is_log = low > 0 and high / low >= _RATIO
    if is_log:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))
    axes.set_ylim(low, high)
    axes.set_ylabel(better_words(evidence.ranking.metric, evidence.ranking.direction) + (" (log)" if is_log else ""))


def _handles(top: Sequence[tuple[Place, list[XY]]], rest: Sequence[XY], shown_window: Window) -> list[Line2D]:
    told = _told_apart([place.configuration for place, _ in top])
    found = [
        Line2D([], [], color=colour, linewidth=2, label=_label_of(place, more))
        for (place, points), colour, more in zip(top, CATEGORIES, told, strict=False)
        if points
    ]
    if rest:
        words = f"{len(rest)} of the other trials" if len(rest) > 1 else "another trial"
        words += f", {shown_window.beyond} beyond the axis" if shown_window.beyond else ""
        found.append(Line2D([], [], color=FAINT, linewidth=1, label=words))
    return found


def _label_of(place: Place, more: str) -> str:
    return f"{place.place}  {shown(place.configuration.name, max(_SHORTEST, _LETTERS - len(more)))}{more}"


_LETTERS, _SHORTEST = 46, 18
"""Letters that half the picture's width holds, and those of a name that stay."""

_NAMED = {"lora.r", "lora.alpha", "lora.gain", "lora.realised_gain", "lora.dropout", "training.lr_scheduler_type"}
"""What our trials' names tell."""

_MORE = 2
"""Parameters that a legend tells beside the name."""


def _told_apart(configurations: Sequence[Configuration]) -> list[str]:
    """Returns for each configuration the numbers that tell it from the others and are no part of its name."""
    keys = dict.fromkeys(
        key for item in configurations for key in item.params if key.startswith(("lora.", "training."))
    )
    values = {key: [item.params.get(key) for item in configurations] for key in keys if key not in {*_NAMED, SEED}}
    differing = {key: found for key, found in values.items() if all(map(is_number, found)) and len(set(found)) > 1}
    chosen = sorted(differing, key=lambda key: key != "training.learning_rate")[:_MORE]
    return [
        "".join(f", {key.rpartition('.')[2]}={differing[key][at]:.3g}" for key in chosen)
        for at in range(len(configurations))
    ]
