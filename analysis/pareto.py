"""What nothing else beats in every respect."""

from __future__ import annotations

from collections.abc import Mapping


def front(points: Mapping[str, tuple[float, ...]]) -> list[str]:
    """Finds the Pareto front.

    Args:
        points: Coordinates by name, in each of which less is better.

    Returns:
        The names of all that no other equals or beats in every coordinate while beating it in one; by their first
        coordinate, then the others.
    """
    ordered = sorted(points, key=lambda name: (points[name], name))
    kept: list[str] = []
    for name in ordered:  # whatever could beat it comes before it, and is kept or beaten by one that is
        if not any(_beats(points[other], points[name]) for other in kept):
            kept.append(name)
    return kept


def _beats(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one != other and all(mine <= theirs for mine, theirs in zip(one, other, strict=True))
