"""How far the winner is ahead, with what confidence, and how much of that is luck."""

from __future__ import annotations

from collections.abc import Iterator

from analysis.flattery import FEWEST, expected_on_new_seeds
from analysis.markdown import escape
from analysis.ranking import Ranking

DIGITS = 4
"""After the point, of values and differences; as the leaderboard has them."""


def lead(ranking: Ranking) -> Iterator[str]:
    """Returns sentences on how far the first is ahead of the second, and of the next that can be told from it."""
    if len(ranking.places) < 2:
        yield "There is nothing to compare it with."
        return
    yield _against(ranking, 1)
    tied = set(ranking.places[0].tied_with)
    told = next((row for row, place in enumerate(ranking.places) if row and place.configuration.name not in tied), None)
    if told is None:
        yield "No configuration can be told from it."
    elif told > 1:
        yield f"The next that can be told from it: {_against(ranking, told)}"
    if ranking.chance is None:
        has_seeds = any(len(place.configuration.trials) > 1 for place in ranking.places)
        why = "Seeds of one configuration do not differ and so do not tell" if has_seeds else "No seeds tell"
        yield f"{why} what chance does, so with what confidence it is ahead cannot be stated."
    else:
        yield "Intervals of differences hold for all pairs at once."


def _against(ranking: Ranking, row: int) -> str:
    place, lead, within = ranking.places[row], ranking.ahead(row), ranking.ahead_within(row)
    # Of a value near 0 a share says nothing.
    share = f" ({100 * lead / abs(place.value):.2g} %)" if lead < 10 * abs(place.value) else ""
    by, other = f"{lead:.{DIGITS}f}{share}", f"{escape(place.configuration.name)} (place {place.place})"
    ahead, better = f"{by} ahead of {other}", f"{by} better than {other}"
    tied = place.configuration.name in ranking.places[0].tied_with
    if within is not None:
        sure = "which chance alone may be" if tied else "more than chance explains"
        return f"{ahead}, 95 % interval {within[0]:.{DIGITS}f} to {within[1]:.{DIGITS}f}, {sure}."
    if tied and ranking.noise.size is not None:
        return f"{better}, within the {ranking.noise.known} noise of ±{ranking.noise.size:.2g}: a tie, not a lead."
    if ranking.noise.known == "unknown":
        return f"{ahead}."
    return f"{ahead}, more than the {ranking.noise.known} noise of ±{ranking.noise.size:.2g}."


def luck(ranking: Ranking) -> str | None:
    """Returns by how much the winner's mean is flattered; None for so few configurations that it hardly is."""
    expected = expected_on_new_seeds(ranking)
    if expected is None:
        return _unknown_luck(ranking)
    value = ranking.places[0].value
    flattered, smallest = abs(expected - value), 10**-DIGITS
    by = f"less than {smallest:g}" if flattered < smallest else f"about {flattered:.2g}"
    return (
        f"the best of {len(ranking.places)} is partly best by luck, and its mean flattered by {by}: "
        f"on new seeds expect {expected:.{DIGITS}f} (empirical Bayes over all configurations)."
    )


def _unknown_luck(ranking: Ranking) -> str | None:
    count = len(ranking.places)
    if ranking.chance is not None or count < FEWEST:
        return None
    return (
        f"the best of {count:,} single trials is partly best by luck; without repeated seeds, by how much is not known."
    )
