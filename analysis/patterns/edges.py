"""The winner at the end of what was tried: the best may lie beyond."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from analysis.numeric import is_number
from analysis.patterns.adapter_scale import R
from analysis.patterns.factors import Factor
from analysis.patterns.pattern import Limit
from analysis.patterns.split import by_ratio
from analysis.patterns.values import words
from analysis.ranking import Place, Ranking
from analysis.records import TrialRow

FROM_ONE = frozenset(
    {R, "training.per_device_train_batch_size", "training.gradient_accumulation_steps", "data.augmentation_factor"}
)
"""Numbers that begin with 1; all others begin with 0. A winner there is at no edge."""

_MANY = 8
"""Values from which on they were sampled."""

_END = 0.05
"""Share of the range from which on a sampled value is at its end (ours)."""


def edges(ranking: Ranking, factors: Sequence[Factor], trials: Iterable[TrialRow] = ()) -> list[Limit]:
    """Says of which numbers the winner has the smallest or largest value that was tried.

    Args:
        ranking: The ranking.
        factors: What was varied.
        trials: All that were trained: beyond the winner's value, one that was pruned or diverged was tried, too.
    """
    every = [trial.params for trial in trials if not trial.is_reference]
    return [limit for factor in factors if (limit := _edge(ranking, factor, every)) is not None]


def _edge(ranking: Ranking, factor: Factor, every: Sequence[Mapping[str, Any]]) -> Limit | None:
    values = [factor.value(place.configuration.params) for place in ranking.places]
    numbers = sorted({float(value) for value in (*values, *map(factor.value, every)) if is_number(value)})
    winner = values[0]
    if len(numbers) < 2 or not is_number(winner):
        return None
    side = _side(float(winner), numbers)
    if not side or (side < 0 and numbers[0] == _lowest(factor.key)):
        return None
    end, wanted = ("smallest", "smaller") if side < 0 else ("largest", "larger")
    tried = f"{words(numbers[0])} to {words(numbers[-1])}"
    sentence = (
        f"the winner has the {end} {factor.key} of those tried, {tried}: a {wanted} one may be better still; "
        f"try {factor.key}={_next(numbers, side, factor.key)}"
    )
    return Limit("edge", factor.key, sentence + _tied(ranking.places, values, side, numbers))


def _side(value: float, numbers: Sequence[float]) -> int:
    """Returns -1 at the lower end, 1 at the upper, else 0; many sampled values have ends of some width."""
    low, high = numbers[0], numbers[-1]
    scale = math.log if by_ratio(low, high) else float
    place = (scale(value) - scale(low)) / (scale(high) - scale(low))
    width = _END if len(numbers) > _MANY else 0.0
    return -1 if place <= width else 1 if place >= 1 - width else 0


def _next(numbers: Sequence[float], side: int, key: str) -> str:
    """Returns the value after the last: as far from it as the last from the one before, by ratio or by difference."""
    last, before = (numbers[0], numbers[1]) if side < 0 else (numbers[-1], numbers[-2])
    if len(numbers) > _MANY:
        before = last * 2 if side < 0 else last / 2
    doubled = min(last, before) > 0 and max(last, before) >= 2 * min(last, before) and key != "lora.dropout"
    value = last * last / before if doubled or by_ratio(numbers[0], numbers[-1]) else 2 * last - before
    value = max(value, _lowest(key))
    whole = all(number == int(number) for number in numbers) and last >= 1
    return str(max(1, round(value))) if whole else f"{value:.2g}"


def _lowest(key: str) -> float:
    return 1.0 if key in FROM_ONE else 0.0


def _tied(places: Sequence[Place], values: Sequence[Any], side: int, numbers: Sequence[float]) -> str:
    """Says whether configurations that cannot be told from the winner lie there, too."""
    others = [
        place.configuration.name
        for place, value in zip(places, values, strict=True)
        if place.configuration.name in places[0].tied_with
        and (not is_number(value) or _side(float(value), numbers) != side)
    ]
    if not others:
        return ""
    which = others[0] if len(others) == 1 else f"{others[0]} and {len(others) - 1} more"
    return f" ({which}, tied with it, not at this end)"
