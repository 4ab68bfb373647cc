"""Pairs of parameters the effect of one of which depends on the other: lines of means that are not parallel."""

from __future__ import annotations

import contextlib

from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.evidence import Evidence
from analysis.figures.style import CATEGORIES, better_words, panels, paper, shown
from analysis.figures.varied import folded, number, words_of
from analysis.levels import is_finite
from analysis.patterns.pattern import Interaction

MOST = 4
"""Panels; the strongest come first."""

_LETTERS = 80
"""Of nine points, in a row of panels."""

_LABEL, _HANDLE = 24, 6
"""Letters of a label in a legend, and as many as its line and the gaps are wide."""

_MARKS = "osD^vP"


def interactions(evidence: Evidence) -> Figure | None:
    """Returns the picture; None where no two parameters interact."""
    found = [item for item in evidence.patterns.interactions if _is_drawable(item)][:MOST]
    if not found:
        return None
    columns = min(2, len(found))
    rows = -(-len(found) // columns)
    figure = paper(0.5 + 3.0 * rows)
    axes = panels(figure, rows, columns, sharey=True)
    for panel, item in zip(axes, found, strict=False):
        _panel(panel, item, _LETTERS // columns)
    for panel in axes[len(found) :]:
        panel.set_visible(False)
    ranking = evidence.ranking
    figure.supylabel(f"mean {better_words(ranking.metric, ranking.direction)}", fontsize=9)
    return figure


def _is_drawable(item: Interaction) -> bool:
    """True where two lines have two points each."""
    return sum(sum(row[column] is not None for row in item.means) > 1 for column in range(len(item.columns))) > 1


def _panel(panel: Axes, item: Interaction, letters: int) -> None:
    many = len(item.columns) > len(CATEGORIES)
    for index, value in enumerate(item.columns):
        points = [(x, row[index]) for x, row in enumerate(item.means)]
        known = [(x, mean) for x, mean in points if mean is not None and is_finite(mean)]
        colour = colormaps["viridis"](0.9 * index / (len(item.columns) - 1)) if many else CATEGORIES[index]
        if known:
            panel.plot(
                *zip(*known, strict=True), color=colour, marker=_MARKS[index % len(_MARKS)], markersize=4,
                linewidth=1.5, label=_words(value, _LABEL),
            )  # fmt: skip
    words = [folded(_words(row, 30), 14) for row in item.rows]
    longest = max(max(map(len, row.split("\n"))) for row in words)
    is_tight = (longest + 1) * len(words) > letters
    panel.set_xticks(range(len(words)), words, rotation=35 if is_tight else 0)
    panel.set_xlim(-0.25, len(words) - 0.75)
    panel.set_xlabel(shown(item.one))
    panel.grid(visible=False, axis="x")
    longest = max(len(_words(column, _LABEL)) for column in item.columns)
    panel.legend(
        title=shown(item.other), title_fontsize=8, fontsize=8, frameon=False,
        ncols=max(1, min(len(item.columns), letters // (longest + _HANDLE))),
        loc="lower left", bbox_to_anchor=(0.0, 1.0), alignment="left", borderpad=0.1, columnspacing=1.0,
        handlelength=1.6,
    )  # fmt: skip


def _words(value: object, longest: int) -> str:
    """Returns a level's words; numbers, and ranges such as `1e-05 to 0.0001`, as other pictures write them."""
    words = words_of(value)
    with contextlib.suppress(ValueError):  # a name
        words = " to ".join(number(float(part)) for part in words.split(" to "))
    return shown(words, longest)
