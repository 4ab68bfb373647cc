"""Draws the pictures of docs/diagnosis.md: for every verdict a training that was provoked to show it.

Run: python -m benchmarks.diagnosis_figures
They come from the kept curves (benchmarks/provoked/curves); nothing is trained. Same curves, same files, byte for byte.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl

from analysis.curve import Curve, Points
from analysis.figures.style import BLUE, GREEN, ORANGE, PAPER, PURPLE, drawing, panels, paper
from analysis.verdict import Name
from benchmarks.provoked import stored

FOLDER = Path(__file__).parents[1] / "docs" / "figures"


@dataclass(frozen=True)
class Line:
    """One curve in a panel."""

    words: str
    points: Points
    colour: str
    style: str = "-"
    marker: str = ""


@dataclass(frozen=True)
class Picture:
    """Which training shows a verdict, and what is drawn beside its losses: `rate`, `norm`, `labels` or `minority`."""

    training: str
    beside: str
    is_log: bool = False  # the norm's axis


PICTURES: Mapping[Name, Picture] = {
    "diverged": Picture("rising_to_1", "norm", is_log=True),
    "dead_gradient": Picture("tuned_zeroed", "norm"),
    "late_collapse": Picture("batch_2_unclipped", "norm", is_log=True),
    "stagnant_evaluation": Picture("rate_1e-12", "norm"),
    "no_meaningful_learning": Picture("tuned_rate_1e-6", "rate"),
    "lr_exhausted": Picture("tuned_power_10", "rate"),
    "class_collapse": Picture("tuned_imbalanced", "labels"),
    "underfitting": Picture("little_dropout_0.9", "rate"),
    "overfitting": Picture("96_rows_half_mislabelled", "rate"),
    "oscillating": Picture("rate_2.5e-2_batch_4", "rate"),
    "spiky": Picture("tuned_batch_1_unclipped", "norm", is_log=True),
    "over_confident": Picture("tuned_sure_of_60_rows", "labels"),
    "recall_limited": Picture("tuned_healthy_r4_cosine", "minority"),
    "precision_limited": Picture("tuned_few_disgusted", "minority"),
    "learning": Picture("tuned_healthy_r8", "labels"),
    "still_improving": Picture("tuned_60_steps", "rate"),
}


def losses(curve: Curve) -> list[Line]:
    """Returns the training's and the evaluations' losses."""
    return [Line("training", curve.losses, BLUE), Line("evaluation", curve.evals, ORANGE, "--", "o")]


def beside(curve: Curve, what: str) -> tuple[str, list[Line]]:
    """Returns the second panel's axis and lines."""
    measured = curve.measured
    if what == "rate":
        return "learning rate", [Line("", curve.learning_rates, GREEN)]
    if what == "norm":
        return "gradient norm", [Line("", curve.grad_norms, GREEN)]
    names = _LABELS if what == "labels" else _MINORITY
    found = [Line(words, measured[key], *look) for key, words, *look in names]
    return "share", found


_LABELS = (
    ("eval_accuracy", "accuracy", BLUE, "-", "o"),
    ("eval_confidence", "confidence", ORANGE, "--", "s"),
    ("eval_predicted_share", "top label", PURPLE, ":", "^"),
)
_MINORITY = (
    ("eval_minority_precision", "precision", BLUE, "-", "o"),
    ("eval_minority_recall", "recall", ORANGE, "--", "s"),
    ("eval_minority_f1", "F1", PURPLE, ":", "^"),
)


def draw(name: Name, picture: Picture, folder: Path) -> Path:
    """Draws one verdict's picture; returns the file."""
    curve = stored.read(picture.training)
    path = folder / f"{name}.svg"
    # The ends of a logarithmic axis are powers, which matplotlib writes as mathematics.
    with drawing(), mpl.rc_context({"text.parse_math": True}):
        figure = paper(2.5)
        left, right = panels(figure, 1, 2)
        _panel(left, "loss (nats per token)", losses(curve))
        axis, lines = beside(curve, picture.beside)
        _panel(right, axis, lines)
        if picture.is_log:
            right.set_yscale("log")
        elif axis == "share":
            right.set_ylim(-0.03, 1.03)
        else:
            _from_zero(right, lines)
        # Without a date in it, the same curve is the same file.
        figure.savefig(path, facecolor=PAPER, metadata={"Date": None, "Title": name})
    return path


def _from_zero(axes: Any, lines: list[Line]) -> None:
    """Shows a rate or norm from 0 on: what is constant is not blown up to a whole axis."""
    highest = max(value for line in lines for _, value in line.points if math.isfinite(value))
    axes.set_ylim(-0.03 * (highest or 1.0), 1.08 * (highest or 1.0))
    axes.ticklabel_format(axis="y", style="sci", scilimits=(-2, 4))


def _panel(axes: Any, words: str, lines: list[Line]) -> None:
    axes.set_xlabel("optimizer step")
    axes.set_ylabel(words)
    for line in lines:
        finite = [point for point in line.points if math.isfinite(point[1])]
        steps, values = zip(*finite, strict=True) if finite else ((), ())
        shown = {"label": line.words} if line.words else {}
        axes.plot(
            steps, values, line.style, color=line.colour, marker=line.marker, markersize=3.5, linewidth=1.5, **shown
        )
    if any(line.words for line in lines):
        # Above the panel: inside it there is always a curve in the way.
        axes.legend(
            frameon=False,
            fontsize=8,
            ncols=3,
            columnspacing=1.2,
            loc="lower left",
            bbox_to_anchor=(0.0, 0.98),
            borderpad=0.1,
        )


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, picture in PICTURES.items():
        path = draw(name, picture, FOLDER)
        print(f"{path.stat().st_size / 1000:5.1f} kB  {path.name}  from {picture.training}")


if __name__ == "__main__":
    main()
