"""A gradient norm of 0: nothing that is trained gets a gradient."""

from __future__ import annotations

import itertools

from analysis.curve import Curve
from analysis.levels import finite
from analysis.strength import strength
from analysis.thresholds import Thresholds
from analysis.verdict import Verdict


def dead_gradient(curve: Curve, thresholds: Thresholds) -> Verdict | None:
    """Says that the gradient norm was 0 throughout, of two points at least, or from some step to the end."""
    norms = finite(curve.grad_norms)
    dead = list(itertools.takewhile(lambda point: point[1] <= thresholds.dead_norm, reversed(norms)))
    is_whole = len(dead) == len(norms)
    if len(dead) < (2 if is_whole else thresholds.dead_points):
        return None
    since = dead[-1][0]
    told = "throughout" if is_whole else f"from step {since} on"
    sure = strength(len(dead), 1 if is_whole else thresholds.dead_points)
    return Verdict("dead_gradient", sure, f"the gradient norm was 0.0 {told} ({len(dead)} points)", since)
