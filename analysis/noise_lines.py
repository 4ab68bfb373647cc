"""Sentences under a ranking: which rows are tied, and where the noise comes from."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from analysis.noise import Noise, seeds_in_words
from analysis.ranking import Ranking

_FEW = 5


def noise_lines(ranking: Ranking, rows: str = "") -> list[str]:
    """Returns a line on each place that is shared, and one on the noise; nothing for fewer than two configurations.

    Args:
        ranking: The ranking.
        rows: What stands before the numbers of rows that are tied.
    """
    if len(ranking.places) < 2:
        return []
    shared = list(_shared(ranking))
    more = len(shared) - _FEW
    lines = [f"{rows}{first}\N{EN DASH}{last}: {why(ranking)}." for first, last in shared[:_FEW]]
    return [*lines, *([f"{more} more places are shared."] if more > 0 else []), _upper(f"{ranking.noise.source}.")]


def _shared(ranking: Ranking) -> Iterator[tuple[int, int]]:
    for place, group in itertools.groupby(place.place for place in ranking.places):
        count = len(list(group))
        if count > 1:
            yield place, place + count - 1


def why(ranking: Ranking) -> str:
    """Says why rows are tied."""
    noise = ranking.noise
    if ranking.chance is not None:
        paired = ", paired" if ranking.chance.model.is_paired else ""
        within = f" or lie within noise ±{noise.size:.2g} (stated)" if noise.known == "stated" else ""
        seeds = seeds_in_words([place.configuration for place in ranking.places])
        return f"cannot be told apart at 95 % ({seeds}{paired}, all pairs at once){within}"
    return f"tied within noise ±{noise.size:.2g} ({noise.known})" if _has_size(noise) else "equal"


def _has_size(noise: Noise) -> bool:
    return noise.size is not None and noise.known != "unknown"


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
