"""How far beyond a threshold something is, as a number from 0.5 to 1."""

from __future__ import annotations

import math


def strength(value: float, threshold: float) -> float:
    """Returns how sure a verdict is.

    Args:
        value: What was measured, at least the threshold.
        threshold: Where the verdict begins, over 0.

    Returns:
        value / (value + threshold): 0.5 where it is just met, 0.9 at nine times as much; 1 for what is not finite.
    """
    if not math.isfinite(value) or value < 0 or threshold <= 0:
        return 1.0
    return max(0.5, value / (value + threshold))
