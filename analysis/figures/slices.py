"""The metric over each parameter that was varied: a panel each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from analysis.evidence import Evidence
from analysis.figures.slice_panel import LOST, SEEDS_SHOWN, UNMARKED, slice_panel
from analysis.figures.style import BLUE, FAINT, INK, ORANGE, better_words, legend, panels, paper, shown
from analysis.figures.varied import Varied, varied
from analysis.figures.window import Window, window
from analysis.levels import is_finite
from analysis.patterns.pattern import Effect
from analysis.ranking import Ranking

MOST = 9
"""Panels; the least important parameters have none."""


_LETTERS = 81
"""Of nine points, in a row of panels."""


def slices(evidence: Evidence) -> Figure | None:
    """Returns the picture; None where fewer than two configurations have a place, or nothing was varied."""
    axes = varied(evidence)[:MOST]
    shown_window = window(_values(evidence.ranking), evidence.ranking.sign)
    if not axes or shown_window is None or len(evidence.ranking.places) < 2:
        return None
    columns = min(len(axes), 2 if len(axes) in {2, 4} else 3)
    rows = -(-len(axes) // columns)
    figure = paper(0.75 + 2.1 * rows)
    found = panels(figure, rows, columns, sharey=True)
    effects = {effect.key: effect for effect in evidence.patterns.effects}
    for panel, axis in zip(found, axes, strict=False):
        slice_panel(panel, axis, evidence, shown_window, effect=effects.get(axis.key), letters=_LETTERS // columns)
    found[0].set_ylim(*_limits(shown_window, [effects[axis.key] for axis in axes if axis.key in effects]))
    for panel in found[len(axes) :]:
        panel.set_visible(False)
    figure.supylabel(better_words(evidence.ranking.metric, evidence.ranking.direction), fontsize=9)
    legend(figure, _handles(evidence, effects, axes, shown_window))
    return figure


def _values(ranking: Ranking) -> list[float]:
    """Returns what the axis has to hold: every configuration's mean, and its seeds where they are shown."""
    few = ranking.places if len(ranking.places) <= SEEDS_SHOWN else ()
    seeds = [value for place in few for value in place.configuration.values(ranking.metric) if is_finite(value)]
    return [*(place.value for place in ranking.places), *seeds]


def _limits(shown_window: Window, effects: Sequence[Effect]) -> tuple[float, float]:
    """Returns the metric's axis with room for the intervals too, as far as they leave some for the points."""
    low, high = shown_window.limits
    room = 0.3 * (high - low)
    ends = [end for effect in effects for level in effect.levels for end in level.interval or () if is_finite(end)]
    kept = [low, high, *(min(max(end, low - room), high + room) for end in ends)]
    return min(kept), max(kept)


def _handles(
    evidence: Evidence, effects: Mapping[str, Effect], axes: Sequence[Varied], shown_window: Window
) -> list[Line2D]:
    places = evidence.ranking.places
    tied = sum(place.place == 1 for place in places)
    found = [_mark(ORANGE, "D", "tied for first" if tied > 1 else "first")]
    found += [_mark(BLUE, "o", "other configurations")] if tied < len(places) else []
    levels = [level for axis in axes if axis.key in effects for level in effects[axis.key].levels]
    if levels:
        known = any(level.interval is not None for level in levels)
        words = f"marginal mean{', 95 % interval' if known else ''}"
        found.append(Line2D([], [], color=INK, linewidth=1.4, label=words))
    trials = [row for row in evidence.sweep.records.trials if not row.is_reference and not row.short]
    pruned = sum(row.outcome == "pruned" for row in trials)
    lost = sum(row.outcome not in {*UNMARKED, "pruned"} for row in trials)
    found += [_mark(FAINT, "|", f"{pruned} pruned")] if pruned else []
    found += [_mark(LOST, "|", f"{lost} failed or diverged")] if lost else []
    found += (
        [_mark(BLUE, "^" if evidence.ranking.sign > 0 else "v", f"{shown_window.beyond} beyond the axis")]
        if shown_window.beyond
        else []
    )
    return found


def _mark(colour: str, marker: str, words: str) -> Line2D:
    return Line2D(
        [], [], color=colour, marker=marker, linestyle="", markersize=6 if marker == "|" else 5, label=shown(words)
    )
