"""All pictures of a report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from matplotlib.figure import Figure

from analysis.evidence import Evidence
from analysis.figures import style
from analysis.figures.curves import curves
from analysis.figures.heat_map import heat_map
from analysis.figures.interactions import interactions
from analysis.figures.parallel import parallel
from analysis.figures.pareto_front import pareto_front
from analysis.figures.progress import progress
from analysis.figures.slices import slices

Section = Literal["ranking", "patterns", "alternatives", "decisions"]


@dataclass(frozen=True)
class Drawn:
    """A picture.

    Attributes:
        name: Of its file, without an ending.
        section: Of the report, by the name of its module, that shows it.
        alt: What it shows, in a sentence, as plain text: whoever writes Markdown escapes it.
        figure: The picture; `svg` makes a file of it.
    """

    name: str
    section: Section
    alt: str
    figure: Figure


@dataclass(frozen=True)
class _Kind:
    name: str
    section: Section
    draw: Callable[[Evidence], Figure | None]
    alt: str


_KINDS = (
    _Kind("learning_curves", "ranking", curves, "Learning curves: {metric} against the step, the best over the rest"),
    _Kind("slices", "patterns", slices, "{metric} over each varied parameter, one panel each, with marginal means"),
    _Kind("heat_map", "patterns", heat_map, "Heat map: mean {metric} by two parameters, the best cell outlined"),
    _Kind("interactions", "patterns", interactions, "Interactions: mean {metric} by one parameter, a line per other"),
    _Kind("parallel", "patterns", parallel, "Parallel coordinates: each configuration a line, coloured by {metric}"),
    _Kind("pareto", "alternatives", pareto_front, "Pareto fronts: {metric} against what the configurations cost"),
    _Kind("progress", "decisions", progress, "Progress: {metric} of every trial as they ended, and the best so far"),
)

NAMES = tuple(kind.name for kind in _KINDS)
"""Of all pictures that there may be."""


def drawn(evidence: Evidence) -> list[Drawn]:
    """Draws a sweep.

    Args:
        evidence: The sweep; its curves are read for about a hundred trials.

    Returns:
        The pictures for which there is something to show, in the order of the report.

    Raises:
        ReportError: The curves cannot be read.
    """
    with style.drawing():
        found = [(kind, kind.draw(evidence)) for kind in _KINDS]
    metric = style.shown(evidence.ranking.metric)
    return [
        Drawn(kind.name, kind.section, kind.alt.format(metric=metric), figure)
        for kind, figure in found
        if figure is not None
    ]


def svg(figure: Figure) -> bytes:
    """Returns a picture as SVG: the same bytes for the same picture, as there is no date in it."""
    return style.svg(figure)
