"""Mean metric over two parameters: learning rate and rank where both were varied."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from analysis.evidence import Evidence
from analysis.figures.style import INK, ORANGE, metric_words, panels, paper, scale, shown
from analysis.figures.varied import Varied, folded, number, varied
from analysis.figures.window import Window, window
from analysis.ranking import Ranking

PREFERRED = ("training.learning_rate", "lora.r")
BINS = 8
_BRIGHT = 0.5
"""Luminance (weights of ITU-R BT.709) of a cell from which on its words are dark."""

_ANNOTATED = 80
"""Cells up to which each holds its number."""


@dataclass(frozen=True)
class Cells:
    """A parameter's levels, or ranges of its values."""

    axis: Varied

    @property
    def count(self) -> int:
        """How many."""
        return len(self.axis.levels) or BINS

    def index(self, position: float) -> int:
        """Returns the cell of a position."""
        if self.axis.levels:
            places = [at for at, _ in self.axis.ticks]
            return int(np.argmin([abs(at - position) for at in places]))
        low, high = self.axis.limits
        return min(BINS - 1, int(BINS * (position - low) / (high - low)))

    @property
    def ticks(self) -> list[tuple[float, str]]:
        """Where the labels stand: below each level, or at the ranges' edges."""
        if self.axis.levels:
            return [(float(index), folded(shown(words, 36), 16)) for index, (_, words) in enumerate(self.axis.ticks)]
        low, high = self.axis.limits
        edges = [low + (high - low) * index / BINS for index in range(BINS + 1)]
        return [(index - 0.5, _edge(10**edge if self.axis.is_log else edge)) for index, edge in enumerate(edges)]


def _edge(value: float) -> str:
    return number(float(f"{value:.2g}"))


def heat_map(evidence: Evidence) -> Figure | None:
    """Returns the picture; None where fewer than two parameters were varied, or too few of their cells are filled."""
    axes = {axis.key: axis for axis in varied(evidence)}
    keys = PREFERRED if all(key in axes for key in PREFERRED) else tuple(axes)[:2]
    if len(keys) < 2:
        return None
    across, up = Cells(axes[keys[0]]), Cells(axes[keys[1]])
    means, counts = _filled(evidence.ranking, across, up)
    shown_window = window(means[counts > 0].tolist(), evidence.ranking.sign)
    if shown_window is None or (counts > 0).sum() < 4:
        return None
    figure = paper(1.3 + 0.42 * max(up.count, 4))
    panel = panels(figure, 1, 1)[0]
    _draw(panel, means, counts, shown_window, evidence.ranking)
    _label(panel, across, up, counts)
    return figure


def _filled(ranking: Ranking, across: Cells, up: Cells) -> tuple[np.ndarray, np.ndarray]:
    total, counts = np.zeros((up.count, across.count)), np.zeros((up.count, across.count), dtype=int)
    for place in ranking.places:
        x, y = across.axis.at(place.configuration), up.axis.at(place.configuration)
        if x is not None and y is not None and math.isfinite(place.value):
            total[up.index(y), across.index(x)] += place.value
            counts[up.index(y), across.index(x)] += 1
    return np.where(counts, total / np.maximum(counts, 1), np.nan), counts


def _draw(panel: Axes, means: np.ndarray, counts: np.ndarray, shown_window: Window, ranking: Ranking) -> None:
    low, high = sorted((shown_window.best, shown_window.worst))
    colours = scale(ranking.sign > 0)
    panel.grid(visible=False)
    panel.add_patch(_hatched(means.shape))
    # Shapes, not pixels: some pages show a picture's shapes but no picture within it.
    edges = [np.arange(count + 1) - 0.5 for count in reversed(means.shape)]
    cells = panel.pcolormesh(*edges, np.ma.masked_invalid(means), cmap=colours, vmin=low, vmax=high, zorder=2)
    bar = panel.figure.colorbar(cells, ax=panel, extend=_extended(shown_window, ranking), pad=0.015, aspect=25)
    bar.set_label(f"mean {metric_words(ranking.metric)}", fontsize=8)
    if bar.solids is not None:
        bar.solids.set(rasterized=False, edgecolor="face")
    bar.outline.set_visible(False)
    if _is_annotated(counts):
        _annotate(panel, means, counts, (low, high), ranking)
    best = np.nanargmin(ranking.sign * means)
    row, column = divmod(int(best), means.shape[1])
    panel.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, edgecolor=ORANGE, linewidth=2.5, zorder=4))


def _hatched(shape: Sequence[int]) -> Rectangle:
    return Rectangle((-0.5, -0.5), shape[1], shape[0], facecolor="none", hatch="////", linewidth=0, zorder=1)


def _extended(shown_window: Window, ranking: Ranking) -> Any:
    return "neither" if not shown_window.beyond else "max" if ranking.sign > 0 else "min"


def _is_annotated(counts: np.ndarray) -> bool:
    return bool((counts > 0).sum() <= _ANNOTATED and counts.shape[1] <= BINS)


def _annotate(
    panel: Axes, means: np.ndarray, counts: np.ndarray, limits: tuple[float, float], ranking: Ranking
) -> None:
    several = counts.max() > 1
    span = (limits[1] - limits[0]) or 1.0
    for (row, column), mean in np.ndenumerate(means):
        if counts[row, column]:
            red, green, blue, _ = scale(ranking.sign > 0)((mean - limits[0]) / span)
            bright = 0.2126 * red + 0.7152 * green + 0.0722 * blue > _BRIGHT
            words = f"{mean:.4g}" + (f"\nn={counts[row, column]}" if several else "")
            panel.text(
                column, row, words, ha="center", va="center", fontsize=7.5, color=INK if bright else "white", zorder=3
            )


def _label(panel: Axes, across: Cells, up: Cells, counts: np.ndarray) -> None:
    panel.set_xticks(*map(list, zip(*across.ticks, strict=True)))
    panel.set_yticks(*map(list, zip(*up.ticks, strict=True)))
    panel.set_xlim(-0.5, across.count - 0.5)
    panel.set_ylim(-0.5, up.count - 0.5)
    panel.set_xlabel(across.axis.words)
    panel.set_ylabel(up.axis.words)
    panel.tick_params(length=2)
    words = f"best cell outlined{'; hatched: not tried' if (counts == 0).any() else ''}"
    words += "; n: configurations of which a cell is the mean" if counts.max() > 1 and _is_annotated(counts) else ""
    panel.set_title(words, loc="left", fontsize=8)
    panel.spines[:].set_visible(False)
