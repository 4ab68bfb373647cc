"""What is cheaper than the winner: each truly better in its respect."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from analysis.costs import Cost, costs
from analysis.ranking import Place, Ranking

_LESS = {"seconds": 0.9, "peak_memory_mib": 0.99}
"""A time or a resident memory is only better from so much less on: two runs of one configuration on a machine with
other work differ by about as much. Parameters are counted, and any fewer are fewer."""


@dataclass(frozen=True)
class Alternative:
    """A configuration that costs less than the winner, and what that is.

    `cost` is what it is better in; `place` is its own; `kind` says how it was found: the least of all, or the least
    among those that cannot be told from the winner.
    """

    cost: Cost
    place: Place
    kind: Literal["least", "tied"]


def alternatives(ranking: Ranking) -> list[Alternative]:
    """Finds what is truly cheaper than the winner: of each cost the least, and the least that is tied with it."""
    found = [item for cost in costs(ranking) for item in _of(cost, ranking)]
    return list({(item.cost.key, item.place.configuration.name): item for item in found}.values())


def _of(cost: Cost, ranking: Ranking) -> Iterator[Alternative]:
    winner = ranking.places[0]
    enough = cost.values[winner.configuration.name] * _LESS.get(cost.key, 1.0)
    cheaper = [
        place
        for place in ranking.places[1:]
        if (value := cost.values.get(place.configuration.name)) is not None
        and value <= enough
        and value < cost.values[winner.configuration.name]
    ]
    tied = [place for place in cheaper if place.configuration.name in winner.tied_with]
    # The least; among equals the better one, which comes first in the ranking.
    if tied:
        yield Alternative(cost, min(tied, key=lambda place: cost.values[place.configuration.name]), "tied")
    if cheaper:
        yield Alternative(cost, min(cheaper, key=lambda place: cost.values[place.configuration.name]), "least")
