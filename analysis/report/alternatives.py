"""What is cheaper than the winner, and what that costs: how far it is from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from analysis.alternatives import Alternative, alternatives
from analysis.costs import Cost, costs, is_packed
from analysis.evidence import Evidence
from analysis.markdown import escape, table
from analysis.pareto import front
from analysis.ranking import Place, Ranking

_LEAST = {
    "peak_memory_mib": "Least memory",
    "seconds": "Fastest",
    "rows": "Shortest, by the rows trained on",
    "trainable_parameters": "Smallest adapter",
    "lora.r": "Smallest adapter, by rank",
}

_MOST_SHOWN = 12


def lines(evidence: Evidence) -> Iterator[str]:
    """Yields the section."""
    yield from ("## Alternatives", "")
    ranking = evidence.ranking
    if not ranking.places:
        yield from ("None: no trial completed.", "")
        return
    if len(ranking.places) < 2:
        yield from ("None: there is no second configuration to choose.", "")
        return
    known = costs(ranking)
    found = alternatives(ranking)
    if found:
        yield from (*table([_row(item, ranking) for item in found]), "")
    yield from (*_without(known, found), *_unmeasured(known, ranking), "")
    yield from _front(known, ranking)


def _row(item: Alternative, ranking: Ranking) -> dict[str, str]:
    winner, name = ranking.places[0], item.place.configuration.name
    mine, theirs = item.cost.values[name], item.cost.values[winner.configuration.name]
    behind = ranking.sign * (item.place.value - winner.value)
    among = "tied with the winner" if name in winner.tied_with else "of all"
    return {
        "Respect": _LEAST[item.cost.key] + (" among the tied" if item.kind == "tied" else ""),
        "Configuration": name,
        "Place": str(item.place.place),
        "Instead of the winner's": f"{_amount(mine, item.cost)} instead of {_amount(theirs, item.cost)}",
        "Saves": f"{100 * (1 - mine / theirs):.0f} %",
        f"Worse in {ranking.metric} by": f"{behind:.4f}" + (f" ({among})" if among.startswith("tied") else ""),
    }


def _amount(value: float, cost: Cost) -> str:
    if cost.key in {"rows", "trainable_parameters", "lora.r"}:
        number = f"{value:,.0f}"
    else:
        number = f"{value:,.1f}" if value < 1000 else f"{value:,.0f}"
    return f"{number} {cost.unit}".strip()


def _without(known: list[Cost], found: list[Alternative]) -> Iterator[str]:
    """Says of which costs the winner is the least already."""
    better = {item.cost.key for item in found}
    for cost in known:
        if cost.key not in better:
            yield f"- {cost.words.capitalize()}: nothing is clearly below the winner's {_winners(cost)}."


def _winners(cost: Cost) -> str:
    first = next(iter(cost.values.values()))  # the ranking's order
    return _amount(first, cost)


def _unmeasured(known: list[Cost], ranking: Ranking) -> Iterator[str]:
    """Says what is not compared, and what stands in for it."""
    keys = {cost.key for cost in known}
    stand_in = "the number of trainable parameters" if "trainable_parameters" in keys else "the rank"
    packed = any(is_packed(trial.params) for place in ranking.places for trial in place.configuration.trials)
    if "peak_memory_mib" not in keys:
        why = "trials shared their passes, and so their memory" if packed else "no figure is recorded"
        told = f"; {stand_in} says what the adapter adds to it" if keys & {"trainable_parameters", "lora.r"} else ""
        yield f"- Memory is not compared: {why}{told}."
    if "seconds" not in keys:
        why = "how long a shared pass takes depends on who shares it" if packed else "no figure is recorded"
        yield f"- Time is not compared: {why}."
    if "lora.r" in keys:
        yield "- The adapter's size is judged by rank: the number of trainable parameters is not recorded."
    few = [cost.words for cost in known if len(cost.values) < len(ranking.places)]
    if few:
        yield f"- Not known of every configuration: {', '.join(few)}."


def _front(known: list[Cost], ranking: Ranking) -> Iterator[str]:
    """Yields the Pareto front of the metric against all known costs."""
    sound = [cost for cost in known if all(place.configuration.name in cost.values for place in ranking.places)]
    if not sound:
        return
    by_name = {place.configuration.name: place for place in ranking.places}
    points = {
        name: (ranking.sign * place.value, *(cost.values[name] for cost in sound)) for name, place in by_name.items()
    }
    names = front(points)
    words = ", ".join(cost.words for cost in sound)
    counted = f"{len(names)} of {len(points)} configurations" if len(names) > 1 else "one configuration"
    beaten = "Nothing is better than these in one respect without being worse in another."
    yield f"Pareto front of {escape(ranking.metric)} against {words}: {counted}. {beaten}"
    yield ""
    yield from (*table([_point(by_name[name], sound, ranking) for name in names[:_MOST_SHOWN]]), "")
    if len(names) > _MOST_SHOWN:
        yield from (f"{len(names) - _MOST_SHOWN} more lie on it.", "")


def _point(place: Place, sound: list[Cost], ranking: Ranking) -> Mapping[str, str]:
    name = place.configuration.name
    return {
        "Place": str(place.place),
        "Configuration": name,
        ranking.metric: f"{place.value:.4f}",
        **{_heading(cost): _amount(cost.values[name], cost).removesuffix(f" {cost.unit}") for cost in sound},
    }


def _heading(cost: Cost) -> str:
    heading = cost.words.capitalize()
    return f"{heading} ({cost.unit})" if cost.unit else heading
