"""One honest sentence about a parameter."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.patterns.pattern import Effect, Interaction, Level, Patterns


def sentence(effect: Effect, patterns: Patterns, digits: int) -> str:
    """Returns what the levels of a parameter show, and what they do not."""
    told = [_said(effect, digits)]
    others = [
        pair.other if pair.one == effect.key else pair.one
        for pair in patterns.interactions
        if effect.key in (pair.one, pair.other)
    ]
    if others:
        told.append(f"Its effect depends on {_and(others)}: all this is on average over what was run.")
    if effect.separable and any(limit.kind == "confounded" and effect.key in limit.words for limit in patterns.limits):
        told.append("It is confounded: see what cannot be said.")
    if effect.told_with:
        told.append(f"{_and(effect.told_with)} changed with it.")
    return " ".join(told)


def _said(effect: Effect, digits: int) -> str:
    if not effect.separable:
        return (
            "Its values came together with those of other parameters, so that these are plain averages, not its effect."
        )
    if effect.p is None and any(level.pruned for level in effect.levels):
        return "These are averages of the trials that were not pruned, which were chosen by their value: no comparison."
    if effect.p is None:
        return "How much of these differences is chance cannot be said."
    if not effect.matters:
        return f"Its values cannot be told apart (p {p_is(effect.p_adjusted)}){_not_excluded(effect, digits)}."
    worse = [level for level in effect.levels if level.apart]
    if not worse:
        return (
            f"Its values differ (p {p_is(effect.p_adjusted)}), but none can be told from the best, {effect.best.words}."
        )
    return f"{_best(effect)} {'; '.join(_worse(level, digits) for level in worse)}."


def _best(effect: Effect) -> str:
    tied = [level.words for level in effect.levels if not level.apart]
    if len(tied) == 1:
        return f"{tied[0]} is better than every other value tried:"
    return f"{_and(tied)} cannot be told apart:" if len(tied) > 2 else f"{_and(tied)} cannot be told apart;"


def _worse(level: Level, digits: int) -> str:
    return f"{level.words} is worse by {difference_words(level, digits)}"


def _not_excluded(effect: Effect, digits: int) -> str:
    highs = [level.difference_interval[1] for level in effect.levels if level.difference_interval]
    return f"; differences up to {number(max(highs), digits)} are not excluded" if highs else ""


def best_words(effect: Effect, interactions: Sequence[Interaction] = ()) -> str:
    """Returns the best level and those that cannot be told from it; that none can be told where that is so.

    Args:
        effect: The parameter's.
        interactions: Those of the sweep: on average nothing may differ where each of the others' values wants another.
    """
    if not effect.separable:
        return "inseparable"
    if effect.p is None:
        return f"{effect.best.words}, uncertain"
    if not effect.matters:
        on = [pair.other if pair.one == effect.key else pair.one for pair in interactions if effect.key in _keys(pair)]
        return f"depends on {_and(on)}" if on else "no difference seen"
    return " or ".join(dict.fromkeys([effect.best.words, *(level.words for level in effect.levels if not level.apart)]))


def _keys(pair: Interaction) -> tuple[str, str]:
    return pair.one, pair.other


def difference_words(level: Level, digits: int) -> str:
    """Returns a difference to the best level with its interval: `0.021 (0.012 to 0.030)`."""
    if level.difference_interval is None:
        return number(level.difference, digits) if level.difference else ""
    low, high = level.difference_interval
    return f"{number(level.difference, digits)} ({number(low, digits)} to {number(high, digits)})"


def number(value: float, digits: int) -> str:
    """Returns a number with so many decimals, and no minus before a 0."""
    text = f"{value:.{digits}f}"
    return text.lstrip("-") if float(text) == 0 else text


def p_words(p: float | None) -> str:
    """Returns a p as people write it."""
    if p is None:
        return ""
    return "below 0.001" if p < 0.001 else f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def p_is(p: float | None) -> str:
    """Returns a p for a sentence: `= 0.02`, or `below 0.001`."""
    words = p_words(p)
    return words if words.startswith("below") else f"= {words}"


def _and(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else words[0]
