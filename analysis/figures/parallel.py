"""Parallel coordinates: every configuration a line through its parameters down to what it reached."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from analysis.evidence import Evidence
from analysis.figures.style import INK, ORANGE, PAPER, better_words, panels, paper, scale, shown
from analysis.figures.varied import Varied, number, varied
from analysis.figures.window import Window, window
from analysis.ranking import Place

MOST = 7
"""Parameters; the metric is the last axis."""

_LINES = 300
"""Configurations that are drawn: a thousand lines hide each other."""

_CLEAR, _FAINT = 40, 0.3
"""So many of the best are always drawn, and in full strength; how strongly the others are."""


def parallel(evidence: Evidence) -> Figure | None:
    """Returns the picture; None with fewer than two varied parameters or three configurations."""
    axes = varied(evidence)[:MOST]
    every = evidence.ranking.places
    places = _some(every)
    shown_window = window([place.value for place in every], evidence.ranking.sign)
    if len(axes) < 2 or len(places) < 3 or shown_window is None:
        return None
    # Axes lie across, one below the other: their names have room at the side, and a phone shows them.
    figure = paper(0.5 + 0.68 * (len(axes) + 1))
    panel = panels(figure, 1, 1)[0]
    _lines(panel, axes, places, shown_window)
    words = "coloured by place: the best dark, the worst light"
    some = f"; {len(places)} of {len(every)} configurations" if len(places) < len(every) else ""
    panel.set_title(words + some, loc="left", fontsize=8)
    _scales(panel, axes, shown_window, better_words(evidence.ranking.metric, evidence.ranking.direction))
    return figure


def _some(places: Sequence[Place]) -> Sequence[Place]:
    """Returns the best and evenly spaced ones of the others."""
    if len(places) <= _LINES:
        return places
    rest, count = places[_CLEAR:], _LINES - _CLEAR
    return [*places[:_CLEAR], *(rest[index * len(rest) // count] for index in range(count))]


def _lines(panel: Axes, axes: Sequence[Varied], places: Sequence[Place], shown_window: Window) -> None:
    across = [_positions(axis, places) for axis in axes]
    across.append([_share(shown_window, shown_window.clipped(place.value)) for place in places])
    segments = [np.array([(row[index], -at) for at, row in enumerate(across)]) for index in range(len(places))]
    colours = scale(True)(np.linspace(0, 1, len(places)))
    colours[:, 3] = [0.85 if index < _CLEAR else _FAINT for index in range(len(places))]
    order = range(len(places) - 1, -1, -1)  # the best on top
    panel.add_collection(
        LineCollection(
            [segments[index] for index in order], colors=[colours[index] for index in order], linewidths=1.0,
            zorder=2,
        )
    )  # fmt: skip
    panel.plot(segments[0][:, 0], segments[0][:, 1], color=ORANGE, linewidth=2.2, zorder=3)
    panel.annotate(
        f"1  {shown(places[0].configuration.name, 40)}", segments[0][0], xytext=(0, 9), textcoords="offset points",
        ha="left" if segments[0][0][0] < 0.5 else "right", fontsize=8, color=ORANGE,
    )  # fmt: skip


def _positions(axis: Varied, places: Sequence[Place]) -> list[float]:
    """Returns where each line crosses an axis, from 0 to 1; those of one level side by side, the best on the left."""
    low, high = axis.limits
    at = [axis.at(place.configuration) for place in places]
    counts, seen = Counter(at), Counter[float | None]()
    found: list[float] = []
    for x in at:
        aside = 0.3 * axis.gap * (seen[x] / (counts[x] - 1) - 0.5) if counts[x] > 1 else 0.0
        seen[x] += 1
        found.append(math.nan if x is None else (x + aside - low) / (high - low))
    return found


def _share(shown_window: Window, value: float) -> float:
    low, high = shown_window.limits
    return (value - low) / (high - low)


def _scales(panel: Axes, axes: Sequence[Varied], shown_window: Window, metric: str) -> None:
    for index, axis in enumerate(axes):
        low, high = axis.limits
        _scale(panel, -index, [((at - low) / (high - low), words) for at, words in axis.ticks])
    _scale(panel, -len(axes), _metric_ticks(shown_window))
    panel.set_yticks([-index for index in range(len(axes) + 1)], [*(axis.words for axis in axes), _folded(metric)])
    panel.tick_params(axis="y", length=0)
    panel.set_xticks([])
    panel.set_xlim(-0.02, 1.02)
    panel.set_ylim(-len(axes) - 0.5, 0.5)
    panel.grid(visible=False)
    panel.spines[:].set_visible(False)


def _metric_ticks(shown_window: Window) -> list[tuple[float, str]]:
    """Returns round values, and the worst that is shown where there are worse ones."""
    low, high = shown_window.limits
    worst = _share(shown_window, shown_window.worst)
    values = [value for value in MaxNLocator(6).tick_values(low, high) if low <= value <= high]
    ticks = [(_share(shown_window, value), number(float(value))) for value in values]
    if not shown_window.beyond:
        return ticks
    sign = "≥" if shown_window.worst >= shown_window.best else "≤"
    apart = [tick for tick in ticks if abs(tick[0] - worst) > 0.1]
    return [*apart, (worst, f"{sign} {number(shown_window.worst)}")]


def _folded(words: str) -> str:
    return words.replace(" (", "\n(", 1)


def _scale(panel: Axes, height: float, ticks: Sequence[tuple[float, str]]) -> None:
    panel.plot([0, 1], [height, height], color=INK, linewidth=0.8, zorder=1)
    for at, words in ticks:
        panel.plot([at, at], [height - 0.05, height + 0.05], color=INK, linewidth=0.8, zorder=4)
        panel.text(
            at, height - 0.1, shown(words, 16), ha="center", va="top", fontsize=7.5, zorder=5,
            bbox={"facecolor": PAPER, "edgecolor": "none", "alpha": 0.8, "pad": 0.8},
        )  # fmt: skip
