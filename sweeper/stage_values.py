"""What each parameter takes in a stage: listed values, or those that a rule makes of what is known by then."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sweeper.composition import integers
from sweeper.priors import OF_SAID, PRIORS
from sweeper.procedure import GROUP, Around, Bounded, Derived, Neighbours, Shifted, Stage
from sweeper.settled import Outcome, Settled, is_open
from sweeper.validation import ConfigurationError, Problem


def axes(stage: Stage, settled: Settled, said: Mapping[str, Sequence[Any]]) -> dict[str, list[Any]]:
    """Returns the values of each parameter that a stage varies.

    Args:
        stage: The stage.
        settled: What is known by now.
        said: Axes on the command line, which go before a stage's own values.
    """
    asked = {} if stage.is_remedy else said  # a remedy's values answer what was seen
    return {key: _values(stage, key, _said(rule, asked.get(key)), settled) for key, rule in stage.vary.items()}


def _said(rule: Any, values: Sequence[Any] | None) -> Any:
    """Returns what the command line makes of a rule; what is relative to a winner stays so."""
    if values is None or isinstance(rule, (Around, Shifted, Neighbours)):
        return rule
    if isinstance(rule, Derived):
        return OF_SAID.get(rule.prior, list)(values)
    return dataclasses.replace(rule, values=list(values)) if isinstance(rule, Bounded) else list(values)


def _values(stage: Stage, key: str, rule: Any, settled: Settled) -> list[Any]:
    value = settled.value(key)
    if isinstance(rule, (Around, Shifted)) and not (_is_number(value) or is_open(value)):
        problem = f"is {value} by then, and no number to count from"
        raise ConfigurationError(
            [Problem(f"{GROUP}.stages.{stage.name}.vary.{key}", rule, problem, "a list of values")]
        )
    if isinstance(rule, Derived):
        return PRIORS[rule.prior](settled.facts)
    if isinstance(rule, Around):
        return _relative(key, value, rule.times, "*", lambda item, factor: item * factor)
    if isinstance(rule, Shifted):
        moved = _relative(key, value, rule.plus, "+", lambda item, amount: item + amount)
        return [item for item in moved if isinstance(item, str) or item >= 0]
    if isinstance(rule, Bounded):
        return _bounded(rule, settled.outcomes[rule.at_most])
    if isinstance(rule, Neighbours):
        return _neighbours(key, rule, settled.outcomes[rule.neighbours], value)
    return list(rule)


def _relative(
    key: str, value: Any, amounts: Sequence[float], sign: str, moved: Callable[[float, float], float]
) -> list[Any]:
    if isinstance(value, str):  # a plan: the winner is not known yet
        neutral = 1 if sign == "*" else 0
        return [value if amount == neutral else f"{value}{_signed(sign, amount)}" for amount in amounts]
    made = [moved(value, amount) for amount in amounts]
    return list(dict.fromkeys(round(item) if key in integers() else _tidy(item) for item in made))


def _signed(sign: str, amount: float) -> str:
    return f"{amount:+g}" if sign == "+" else f"*{amount:g}"


def _tidy(value: float) -> float:
    """Rounds to ten digits: 3 * 1e-4 is no 3e-4; an integer stays one."""
    return value if isinstance(value, int) else float(f"{value:.10g}")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _bounded(rule: Bounded, outcome: Outcome) -> list[Any]:
    bound = _bound(outcome)
    below = [value for value in rule.values if bound is None or value <= bound]
    return below or [min(rule.values)]


def _bound(outcome: Outcome) -> float | None:
    return outcome.choice.numbers.get("bound") if outcome.choice is not None else None


def _neighbours(key: str, rule: Neighbours, outcome: Outcome, chosen: Any) -> list[Any]:
    if outcome.planned is not None:
        named = chosen if is_open(chosen) else f"<winner:{rule.neighbours}>"
        return [chosen if place == 0 else f"{named}, {_beside(place)}" for place in rule.places]
    swept = sorted({item.params[key] for item in outcome.candidates if key in item.params})
    below = [value for value in swept if value < chosen][::-1]
    above = [value for value in swept if value > chosen]
    found = {0: chosen, **{-1 - at: value for at, value in enumerate(below)}}
    found |= {1 + at: value for at, value in enumerate(above)}
    return [found[place] for place in rule.places if place in found]


def _beside(place: int) -> str:
    return f"{abs(place)} listed {'above' if place > 0 else 'below'}"


def beyond(stage: Stage, settled: Settled, outcome: Outcome) -> dict[str, Any] | None:
    """Returns the winner moved one step beyond the edge it lies on, where the stage allows that.

    The step is that of the two outermost values: their ratio where both are above 0, else their difference.

    Args:
        stage: The stage.
        settled: What was known when it began.
        outcome: How it ended.

    Returns:
        What the further trial sets, None where the winner lies on no edge, or where a range test's bound forbids it.
    """
    if outcome.winner is None:
        return None
    params = dict(outcome.winner.params)
    for key in stage.extend:
        swept = sorted({item.params[key] for item in outcome.candidates})
        further = _further(swept, params.get(key))
        if further is not None and not _exceeds(stage.vary[key], settled, further):
            return {**params, key: further}
    return None


def _further(swept: Sequence[float], chosen: Any) -> float | None:
    if len(swept) < 2 or chosen not in (swept[0], swept[-1]):
        return None
    outer, inner = (swept[-1], swept[-2]) if chosen == swept[-1] else (swept[0], swept[1])
    moved = _tidy(outer * outer / inner if min(outer, inner) > 0 else outer + (outer - inner))
    made = round(moved) if isinstance(chosen, int) else moved
    return None if made < 0 or made in swept else made


def _exceeds(rule: Any, settled: Settled, value: float) -> bool:
    bound = _bound(settled.outcomes[rule.at_most]) if isinstance(rule, Bounded) else None
    return bound is not None and value > bound
