"""Quasi-random points: a scrambled Sobol sequence over any axes, addressed by number.

Optuna's QMCSampler keeps its position in the study, and so begins anew when a sweep continues; a sequence that is asked
for its n-th point cannot.
"""

from __future__ import annotations

import math
import warnings
from typing import Any

from sweeper.space import Axis, Choices, Space


def point(space: Space, seed: int, number: int) -> dict[str, Any]:
    """Returns the n-th point of the sequence (Owen scrambling, scipy.stats.qmc.Sobol).

    Args:
        space: Listed values and intervals; a logarithmic interval is filled evenly in its logarithm.
        seed: Of the scrambling.
        number: The position in the sequence, from 0.
    """
    from scipy.stats import qmc  # most of a second to import, for one sampler of many

    sequence = qmc.Sobol(len(space.axes), scramble=True, rng=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # balance holds at powers of two; a sweep ends where it is told to
        coordinates = sequence.fast_forward(number).random(1)[0] if number else sequence.random(1)[0]
    return {axis.key: _at(axis, float(share)) for axis, share in zip(space.axes, coordinates, strict=True)}


def _at(axis: Axis, share: float) -> Any:
    if isinstance(axis, Choices):
        return axis.values[int(share * len(axis.values))]
    if axis.log:
        value = math.exp(math.log(axis.low) + share * (math.log(axis.high) - math.log(axis.low)))
        return min(round(value), int(axis.high)) if axis.integer else value
    if axis.integer:
        return int(axis.low) + int(share * (axis.high - axis.low + 1))
    return axis.low + share * (axis.high - axis.low)
