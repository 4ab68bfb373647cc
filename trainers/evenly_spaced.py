"""A few of many, evenly spaced: the same ones whenever they are taken."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

Item = TypeVar("Item")


def evenly_spaced(items: Sequence[Item], most: int) -> Sequence[Item]:
    """Returns all items, or `most` of them from the first on."""
    if len(items) <= most:
        return items
    return [items[place * len(items) // most] for place in range(most)]
