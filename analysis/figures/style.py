"""What all pictures have in common: paper, colours, and how they become files."""

from __future__ import annotations

import io
import re
import threading
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, ListedColormap
from matplotlib.figure import Figure

from analysis.redaction import redacted
from analysis.visible import on_one_line

# Okabe and Ito 2008, "Color Universal Design": told apart whatever one's colour vision.
BLUE, ORANGE, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
AMBER, SKY = "#E69F00", "#56B4E9"
CATEGORIES = (BLUE, ORANGE, GREEN, PURPLE, AMBER, SKY)
PAPER, INK, GRID, FAINT = "#FAFAFA", "#222222", "#DDDDDD", "#9A9A9A"
"""A page's own background may be light or dark: the pictures bring theirs."""

WIDTH = 7.2
"""Inches: 691 px, which GitHub shows in full."""

STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",  # words stay words: a tenth of the size
    "svg.hashsalt": "lora-sweeper",
    "font.family": "sans-serif",
    "font.size": 9,
    "text.parse_math": False,  # a name may hold a dollar sign
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.titlesize": 9,
    "grid.color": GRID,
    "axes.edgecolor": INK,
    "text.color": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "hatch.color": FAINT,
    "hatch.linewidth": 0.6,
}

_ONE_AT_A_TIME = threading.RLock()  # matplotlib's settings belong to the whole process


@contextmanager
def drawing() -> Iterator[None]:
    """Has everything within drawn in this style, by one thread at a time; the process's own settings come back."""
    with _ONE_AT_A_TIME, mpl.rc_context(STYLE), warnings.catch_warnings():
        # Letters that matplotlib's font lacks are only measured wrongly: the browser has a font for them.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        yield


def paper(height: float, width: float = WIDTH) -> Figure:
    """Returns an empty picture; sizes in inches."""
    return Figure(figsize=(width, height), facecolor=PAPER, layout="constrained")


def panels(figure: Figure, rows: int, columns: int, **settings: Any) -> list[Axes]:
    """Returns a figure's panels row by row."""
    found = list(figure.subplots(rows, columns, squeeze=False, **settings).flat)
    for panel in found:
        panel.set_facecolor(PAPER)
    return found


def dots(panel: Axes, points: Sequence[tuple[float, float]], **look: Any) -> None:
    """Draws points, if there are any; `look` is what `Axes.scatter` takes."""
    if points:
        across, up = zip(*points, strict=True)
        panel.scatter(across, up, **look)


def svg(figure: Figure) -> bytes:
    """Returns a picture as SVG: the same bytes for the same picture, as there is no date in it."""
    file = io.BytesIO()
    with drawing():
        figure.savefig(file, format="svg", facecolor=PAPER, metadata={"Date": None})
    # matplotlib writes at what places text stands to 14 digits; a thousandth of a point is enough.
    return _LONG.sub(rb"\1", file.getvalue())


_LONG = re.compile(rb"(?<=[\s\"(,MLCQ])(-?\d+\.\d{3})\d+(?=[\s\"),LCQz])")


def shown(text: object, longest: int = 34) -> str:
    """Returns user text on one line, its middle left out where it is too long: names differ at both ends.

    Passwords go before the middle does: half a password is not seen to be one.
    """
    line = redacted(on_one_line(str(text))).strip()
    if len(line) <= longest:
        return line
    head = (longest - 1) // 2
    return f"{line[:head]}…{line[len(line) - (longest - 1 - head) :]}"


def metric_words(metric: str) -> str:
    """Returns what a metric's axis is called, with its unit where that is known."""
    if re.fullmatch(r"eval_(\w+_)?loss", metric):
        return f"{shown(metric)} (nats per token)"
    return f"{shown(metric)} (share)" if metric.endswith("accuracy") else shown(metric)


def better_words(metric: str, direction: str) -> str:
    """Returns a metric's axis label, and below it the direction in which it is better."""
    return f"{metric_words(metric)}\n{'less' if direction == 'minimize' else 'more'} is better"


def scale(is_less_better: bool) -> Colormap:
    """Returns viridis with the best dark and the worst green-yellow, without the yellow that is lost on paper."""
    colours = mpl.colormaps["viridis"]([share / 255 * 0.92 for share in range(256)])
    return ListedColormap(colours if is_less_better else colours[::-1])


def legend(figure: Figure, handles: Mapping[str, Any] | Sequence[Any], columns: int = 4) -> None:
    """Puts a legend above the panels: inside them there is always something in the way."""
    items = list(handles.values()) if isinstance(handles, Mapping) else list(handles)
    words = list(handles) if isinstance(handles, Mapping) else [item.get_label() for item in items]
    figure.legend(
        items, words, loc="outside upper left", ncols=columns, frameon=False, fontsize=8, columnspacing=1.4,
        handletextpad=0.6, borderpad=0.1,
    )  # fmt: skip
