"""The metric over one parameter."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from analysis.evidence import Evidence
from analysis.figures.style import BLUE, FAINT, INK, MANY, ORANGE, PAPER, PURPLE, dots
from analysis.figures.varied import Varied, value_of
from analysis.figures.window import Window
from analysis.levels import is_finite
from analysis.patterns.pattern import Effect, Level
from analysis.ranking import Place, Ranking
from analysis.records import TrialRow

SEEDS_SHOWN = 60
"""Configurations up to which the range over the seeds is drawn."""

LOST = PURPLE
"""The colour of trials that failed, diverged, or ran out of memory."""

UNMARKED = {"complete", "running", "interrupted"}
"""Outcomes that are no loss."""


def slice_panel(
    panel: Axes, axis: Varied, evidence: Evidence, shown_window: Window, *, effect: Effect | None, letters: int
) -> None:
    """Draws the metric over one parameter: configurations, marginal means, and where trials were lost.

    Args:
        panel: Where.
        axis: The parameter's.
        evidence: The sweep.
        shown_window: Of the metric.
        effect: The parameter's; None where there is none.
        letters: How many have room along the panel.
    """
    ranking = evidence.ranking
    if effect is not None:
        for level in effect.levels:
            _mean(panel, axis, level, effect.separable)
    _points(panel, axis, ranking, shown_window)
    _rug(panel, axis, evidence.sweep.records.trials, ranking.sign)
    panel.set_xlim(*axis.limits)
    axis.label(panel.xaxis, letters)
    inseparable = effect is not None and not effect.separable
    panel.set_xlabel(axis.words + ("\nnot separable from others" if inseparable else ""))
    panel.grid(visible=False, axis="x")


def _points(panel: Axes, axis: Varied, ranking: Ranking, shown_window: Window) -> None:
    places, metric = ranking.places, ranking.metric
    spread = _spread(axis, places)
    standing = [(spread[index], place) for index, place in enumerate(places) if index in spread]
    few = len(places) <= SEEDS_SHOWN
    for tied, colour, mark, order in ((False, BLUE, "o", 3), (True, ORANGE, "D", 4)):
        chosen = [(x, place) for x, place in standing if (place.place == 1) == tied]
        for inside, marker in ((True, mark), (False, "^" if shown_window.worst >= shown_window.best else "v")):
            found = [
                (x, shown_window.clipped(place.value))
                for x, place in chosen
                if shown_window.holds(place.value) == inside
            ]
            dots(
                panel, found, s=16 if few else 7, c=colour, marker=marker,
                alpha=0.9 if few or tied else 0.5, linewidths=0.4, edgecolors=PAPER, zorder=order,
                rasterized=len(places) > MANY and not tied,
            )  # fmt: skip
    if few:
        _ranges(panel, standing, metric)


def _ranges(panel: Axes, standing: Sequence[tuple[float, Place]], metric: str) -> None:
    """Draws from the best to the worst seed of each configuration."""
    for x, place in standing:
        values = [value for value in place.configuration.values(metric) if is_finite(value)]
        if len(values) > 1:
            panel.plot([x, x], [min(values), max(values)], color=FAINT, linewidth=0.8, zorder=2)


def _spread(axis: Varied, places: Sequence[Place]) -> dict[int, float]:
    """Returns where each place's point stands: those of one level side by side in the order of their numbers."""
    at = {index: axis.at(place.configuration) for index, place in enumerate(places)}
    known = {index: x for index, x in at.items() if x is not None}
    if not axis.levels:
        return known
    found: dict[int, float] = {}
    for x in dict.fromkeys(known.values()):
        group = sorted(
            (index for index in known if known[index] == x),
            key=lambda index: places[index].configuration.trials[0].number,
        )
        half = 0.25 * axis.gap if len(group) > 1 else 0.0
        found |= dict(zip(group, x + np.linspace(-half, half, len(group)), strict=True))
    return found


def _mean(panel: Axes, axis: Varied, level: Level, is_separable: bool) -> None:
    """Draws a marginal mean over its level or range, with its interval."""
    ends = level.value if isinstance(level.value, (tuple, list)) and len(level.value) == 2 else (level.value,) * 2
    at = [axis.position(end) for end in ends]
    if at[0] is None or at[1] is None:
        return
    half = 0.33 * axis.gap if axis.levels else 0.0
    if axis.levels or at[0] < at[1]:
        left, right = at[0] - half, at[1] + half
    else:
        left, right = at[0] - 0.02 * (axis.limits[1] - axis.limits[0]), at[0] + 0.02 * (axis.limits[1] - axis.limits[0])
    if level.interval is not None:
        panel.fill_between([left, right], *level.interval, color=INK, alpha=0.13, linewidth=0, zorder=1)
    panel.plot(
        [left, right], [level.mean] * 2, color=INK, linewidth=1.4, linestyle="-" if is_separable else ":", zorder=2
    )


def _rug(panel: Axes, axis: Varied, trials: Sequence[TrialRow], sign: int) -> None:
    """Marks the values of trials that did not come to their end, at the side of the worst."""
    lost = [row for row in trials if not row.is_reference and not row.short and row.outcome not in UNMARKED]
    for outcomes, colour, height in ((True, FAINT, 0.0), (False, LOST, 0.035)):
        at = [axis.position(value_of(row.params, axis.key)) for row in lost if (row.outcome == "pruned") == outcomes]
        found = [x for x in at if x is not None]
        ends = (0.965 - height, 1.0 - height) if sign > 0 else (height, 0.035 + height)
        panel.vlines(
            found, *ends, transform=panel.get_xaxis_transform(), colors=colour, linewidth=1.0, alpha=0.6, zorder=1,
            rasterized=len(found) > MANY,
        )  # fmt: skip
