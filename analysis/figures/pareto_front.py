"""What a better metric costs: the metric against memory, time and parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from analysis.costs import Cost, costs
from analysis.evidence import Evidence
from analysis.figures.style import BLUE, GREEN, INK, MANY, ORANGE, PAPER, better_words, dots, legend, panels, paper
from analysis.figures.window import Window, window
from analysis.levels import is_finite
from analysis.pareto import front
from analysis.ranking import Place, Ranking

_DECADES = 20
"""Largest over smallest cost from which on its axis is logarithmic."""

_SHOWN = 90
"""Percent of the configurations that are shown where there are many: a front lies among the best."""

_MANY = 40

_APART = 0.07
"""Shares of the panel by which labels lie apart at least; of closer ones the first is kept."""


def pareto_front(evidence: Evidence) -> Figure | None:
    """Returns the picture; None where no cost that can be compared differs between two configurations."""
    ranking = evidence.ranking
    found = [cost for cost in costs(ranking) if _differs(cost, ranking)]
    shown_window = _window(found, ranking)
    if shown_window is None:
        return None
    figure = paper(3.0)
    for panel, cost in zip(panels(figure, 1, len(found), sharey=True), found, strict=True):
        _panel(panel, cost, ranking, shown_window)
    figure.supylabel(better_words(ranking.metric, ranking.direction), fontsize=9)
    legend(figure, _handles(shown_window, ranking.sign))
    return figure


def _window(found: Sequence[Cost], ranking: Ranking) -> Window | None:
    """Returns what is shown: the fronts and the better half at least, and nothing that is far worse."""
    values = [ranking.sign * place.value for place in ranking.places if is_finite(place.value)]
    whole = window(values, 1)
    if not found or whole is None:
        return None
    by_name = {place.configuration.name: ranking.sign * place.value for place in ranking.places}
    fronts = [
        by_name[name]
        for cost in found
        for name in front(
            {
                name: (cost.values[name], value)
                for name, value in by_name.items()
                if name in cost.values and is_finite(value)
            }
        )
    ]
    shown = _SHOWN if len(values) >= _MANY else 100
    worst = min(whole.worst, max(*fronts, float(np.percentile(values, shown))))
    worst = max(worst, *(value for value in values if value <= worst))
    return Window(ranking.sign * whole.best, ranking.sign * worst, sum(value > worst for value in values))


def _differs(cost: Cost, ranking: Ranking) -> bool:
    return len({value for value in cost.values.values() if is_finite(value)}) > 1


def _panel(panel: Axes, cost: Cost, ranking: Ranking, shown_window: Window) -> None:
    known = {
        place.configuration.name: place
        for place in ranking.places
        if is_finite(cost.values.get(place.configuration.name, float("nan"))) and shown_window.holds(place.value)
    }
    values = [cost.values[name] for name in known]
    panel.scatter(
        values, [place.value for place in known.values()], s=16 if len(known) < 60 else 7, c=BLUE, alpha=0.6,
        linewidths=0, zorder=2, rasterized=len(known) > MANY,
    )  # fmt: skip
    _front(panel, cost.values, known, ranking)
    panel.set_xlabel(f"{cost.words} ({cost.unit})" if cost.unit else cost.words)
    panel.set_ylim(*shown_window.limits)
    _scale(panel, values)
    _name(panel, cost.values, known, ranking)


def _front(panel: Axes, costing: Mapping[str, float], known: Mapping[str, Place], ranking: Ranking) -> None:
    members = front({name: (costing[name], ranking.sign * place.value) for name, place in known.items()})
    points = [(costing[name], known[name].value) for name in members]
    if not points:
        return
    panel.step(*zip(*points, strict=True), where="post", color=GREEN, linewidth=1.5, zorder=3)
    dots(panel, points, s=20, c=GREEN, edgecolors=PAPER, linewidths=0.4, zorder=4)
    winner = ranking.places[0].configuration.name
    if winner in known:
        panel.scatter([costing[winner]], [known[winner].value], s=70, c=ORANGE, marker="*", zorder=5)


def _name(panel: Axes, costing: Mapping[str, float], known: Mapping[str, Place], ranking: Ranking) -> None:
    """Labels the front with places, where there is room; the panel's scale must be set."""
    members = front({name: (costing[name], ranking.sign * place.value) for name, place in known.items()})
    to_share = panel.transData + panel.transAxes.inverted()
    taken: list[tuple[float, float]] = []
    for name in sorted(members, key=lambda name: known[name].place):
        at = (costing[name], known[name].value)
        x, y = to_share.transform(at)
        if all(abs(x - other) > 1.5 * _APART or abs(y - height) > _APART for other, height in taken):
            taken.append((x, y))
            panel.annotate(
                str(known[name].place),
                at,
                xytext=(4, 4),
                textcoords="offset points",
                fontsize=8,
                color=INK,
                zorder=6,
                bbox={"facecolor": PAPER, "edgecolor": "none", "alpha": 0.7, "pad": 0.5},
            )


def _scale(panel: Axes, values: Sequence[float]) -> None:
    if min(values) > 0 and max(values) / min(values) >= _DECADES:
        panel.set_xscale("log")
        panel.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0), numticks=8))
        panel.xaxis.set_minor_locator(NullLocator())
        panel.set_xlabel(f"{panel.get_xlabel()}, log")
    else:
        panel.xaxis.set_major_locator(MaxNLocator(4))
    panel.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _amount(value)))
    panel.margins(x=0.1)


def _amount(value: float) -> str:
    """Returns an amount with k, M or G: parameters go into the billions."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= size:
            return f"{value / (1e3 if letter == 'k' else size):.3g}{letter}"
    return f"{value:.4g}"


def _handles(shown_window: Window, sign: int) -> list[Line2D]:
    found = [
        Line2D([], [], color=ORANGE, marker="*", linestyle="", markersize=9, label="first"),
        Line2D([], [], color=GREEN, marker="o", markersize=4.5, label="front (with places): nothing is better in both"),
        Line2D([], [], color=BLUE, marker="o", linestyle="", markersize=4.5, alpha=0.6, label="other configurations"),
    ]
    if shown_window.beyond:
        found.append(Line2D([], [], linestyle="", label=f"{shown_window.beyond} worse not shown"))
    return found
