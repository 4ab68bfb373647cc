"""The curves as they are kept: small JSON files that anyone can read again."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from analysis.curve import Curve, Points
from benchmarks.labelled_curves import Labelled
from benchmarks.provoked.entries import HERE, Set, entries

FOLDER = HERE / "curves"
DIGITS = 6
_OWN = {"loss": "losses", "eval_loss": "evals", "learning_rate": "learning_rates", "grad_norm": "grad_norms"}


def write(name: str, curve: Curve, folder: Path = FOLDER) -> None:
    """Keeps a curve, its values rounded to six significant digits; what is not finite is kept as a text."""
    own = {key: _kept(getattr(curve, field)) for key, field in _OWN.items()}
    measured = {key: _kept(points) for key, points in sorted(curve.measured.items())}
    whole = {"outcome": curve.outcome, "steps": curve.steps, **own, "measured": measured}
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(whole, separators=(",", ":")) + "\n")


def _kept(points: Points) -> list[list[Any]]:
    return [[step, float(f"{value:.{DIGITS}g}") if math.isfinite(value) else str(value)] for step, value in points]


def read(name: str, folder: Path = FOLDER) -> Curve:
    """Reads a kept curve."""
    whole = json.loads((folder / f"{name}.json").read_text())
    own = {field: _points(whole[key]) for key, field in _OWN.items()}
    measured = {key: _points(points) for key, points in whole["measured"].items()}
    return Curve(**own, measured=measured, steps=whole["steps"], outcome=whole["outcome"])


def _points(kept: list[list[Any]]) -> Points:
    return tuple((int(step), float(value)) for step, value in kept)


def labelled(which: Set) -> list[Labelled]:
    """Returns a set's curves with what must and what may be said of them."""
    return [Labelled(read(entry.name), entry.must, entry.allowed, entry.name) for entry in entries(which)]
