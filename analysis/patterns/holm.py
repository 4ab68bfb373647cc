"""Several tests at once: Holm's correction (Scandinavian Journal of Statistics, 1979)."""

from __future__ import annotations

from collections.abc import Sequence


def holm(ps: Sequence[float | None]) -> list[float | None]:
    """Returns each p as it is when all are looked at, in their order; None stays."""
    known = sorted((p, at) for at, p in enumerate(ps) if p is not None)
    found: list[float | None] = [None] * len(ps)
    highest = 0.0
    for place, (p, at) in enumerate(known):
        highest = max(highest, min(1.0, p * (len(known) - place)))
        found[at] = highest
    return found
