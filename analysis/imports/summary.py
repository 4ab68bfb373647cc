"""One value per run and metric: at its best evaluation, at its last, and what it cost."""

from __future__ import annotations

import math
from collections.abc import Mapping

from analysis.curve import Point, Points
from analysis.imports.imported_run import ImportedRun

_LOGGED = {"loss", "learning_rate", "grad_norm", "adapter_norm", "tokens_per_s"}  # while it trains, not at evaluations
SIGNS = {"minimize": 1, "maximize": -1}


def summary(run: ImportedRun, metric: str, direction: str) -> dict[str, float]:
    """Sums a run up as sweeps record it.

    Args:
        run: The run.
        metric: What ranks.
        direction: `minimize` or `maximize`.

    Returns:
        `best_…` of all that was evaluated where the metric was best, `final_…` where it was evaluated last, `best_step`
        where steps are known, `best_epoch` where epochs are, and what the run cost. A best that is stated and better
        than every point holds: the points are a few of many, and nobody knows what else was measured there.
    """
    found: dict[str, float] = {}
    best = _best(run, metric, direction)
    stated = run.stated.get(f"best_{metric}", math.nan)
    if best is not None and not abs(stated - best[1]) > 0:
        found |= {f"best_{key}": value for key, value in _at(run.points, best[0], metric).items()}
        found |= {} if run.by_epoch else {"best_step": float(best[0])}
    if evals := run.points.get(metric):
        found |= {
            f"final_{key}": value for key, value in _at(run.points, evals[-1][0], metric).items() if key != "epoch"
        }
    if run.points and not run.by_epoch:
        found["steps"] = float(max(points[-1][0] for points in run.points.values()))
    return {**found, **{key: value for key, value in run.stated.items() if math.isfinite(value)}}


def contradiction(run: ImportedRun, metric: str, direction: str) -> str | None:
    """Says where a run's stated best is not as good as a point of its curve; None where it is."""
    best, stated = _best(run, metric, direction), run.stated.get(f"best_{metric}", math.nan)
    if best is None or not SIGNS[direction] * (stated - best[1]) > 0:
        return None
    return f"the curve of {run.name} has {best[1]:g}, which is better"


def _best(run: ImportedRun, metric: str, direction: str) -> Point | None:
    finite = [point for point in run.points.get(metric, ()) if math.isfinite(point[1])]
    return min(finite, key=lambda point: SIGNS[direction] * point[1], default=None)


def _at(points: Mapping[str, Points], step: int, metric: str) -> dict[str, float]:
    found = {key: dict(values).get(step) for key, values in points.items() if key not in _LOGGED - {metric}}
    return {key: value for key, value in found.items() if value is not None and not math.isnan(value)}
