"""What each parameter did, joint effects, and what cannot be said."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from analysis.evidence import Evidence
from analysis.json_tag import mapping
from analysis.markdown import escape, table
from analysis.patterns.pattern import Effect, Interaction, Level, Limit
from analysis.records import IMPORTANCES
from analysis.report.effect_sentence import best_words, difference_words, number, p_is, p_words, sentence

IN_FULL = 8
"""Parameters with a table of their own; the others stand in the first table."""

MOST_LEVELS = 12
"""Rows of such a table."""


def lines(evidence: Evidence) -> Iterator[str]:
    """Yields the section; levels and differences in the metric's own unit, differences positive for worse."""
    patterns = evidence.patterns
    yield from ("## Patterns per parameter", "")
    if not patterns.effects:
        yield "No parameter was varied among the configurations that can be compared: there is no effect to tell."
        yield ""
    else:
        yield from _effects(evidence)
    yield from ("### What cannot be said", "")
    yield from _limits(patterns.limits)


def _effects(evidence: Evidence) -> Iterator[str]:
    patterns, metric = evidence.patterns, evidence.ranking.metric
    digits = decimals(patterns.effects)
    yield from table(_without_empty([_row(effect, patterns.interactions, digits) for effect in patterns.effects]))
    yield from ("", *(f"- {told}" for told in _legend(evidence)), "")
    for note in patterns.notes:
        yield from (f"{escape(note)}.", "")
    for effect in patterns.effects[:IN_FULL]:
        yield from (f"### {escape(effect.key)}", "", *_levels(effect, metric, digits), "")
        yield from (escape(sentence(effect, patterns, digits)), "")
    if len(patterns.effects) > IN_FULL:
        yield from (f"{len(patterns.effects) - IN_FULL} more parameters stand in the first table only.", "")
    for interaction in patterns.interactions:
        yield from _interaction(interaction, metric, digits)


def _row(effect: Effect, interactions: Sequence[Interaction], digits: int) -> dict[str, str]:
    row = {
        "Parameter": effect.key,
        "Compared": _tried(effect),
        "Best": best_words(effect, interactions),
        "Largest difference": difference_words(max(effect.levels, key=lambda level: level.difference), digits),
        _P: p_words(effect.p_adjusted),
        "Share": "" if effect.share is None else _percent(effect.share),
    }
    return {**row, "Importance": "" if effect.importance is None else _percent(effect.importance)}


_P = "p (Holm)"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _without_empty(rows: Sequence[dict[str, str]]) -> list[dict[str, str]]:
    """Returns rows without the columns that hold nothing."""
    return [{key: cell for key, cell in row.items() if any(other[key] for other in rows)} for row in rows]


def _tried(effect: Effect) -> str:
    if effect.ranges:
        return f"{number_of(effect.levels[0].value[0])} to {number_of(effect.levels[-1].value[1])}, sampled"
    shown = [level.words for level in effect.levels]
    return ", ".join(shown) if len(shown) <= 6 else f"{', '.join(shown[:3])}, … {shown[-1]} ({len(shown)} values)"


def number_of(value: float) -> str:
    """Returns an end of a range."""
    return f"{value:.2g}"


def _legend(evidence: Evidence) -> Iterator[str]:
    patterns, ranking = evidence.patterns, evidence.ranking
    better = "less is better" if ranking.direction == "minimize" else "more is better"
    yield f"Differences are in {escape(ranking.metric)} ({better}) to the best value, positive for worse."
    if any(effect.p is not None for effect in patterns.effects):
        yield "*p* is how often chance alone makes a parameter's values differ as much, corrected for all (Holm)."
    if any(effect.share is not None for effect in patterns.effects):
        yield "*Share* is what the parameter explains beside the others, of the variance among configurations."
    if any(level.difference_interval is not None for effect in patterns.effects for level in effect.levels):
        yield "An interval is for one difference; where the text tells values apart, all pairs were considered (Tukey)."
    if any(effect.importance is not None for effect in patterns.effects):
        yield f"*Importance* is Optuna's estimate{_evaluator(evidence)}, recorded with the sweep; it knows no chance."
    yield escape(patterns.source)


def _evaluator(evidence: Evidence) -> str:
    """Names what estimated the importances, where that is recorded."""
    found = str(mapping(evidence.sweep.tags, IMPORTANCES).get("evaluator", ""))
    return f" ({_EVALUATORS[found]})" if found in _EVALUATORS else ""


_EVALUATORS = {"fanova": "fANOVA", "ped-anova": "PED-ANOVA"}


def _levels(effect: Effect, metric: str, digits: int) -> list[str]:
    levels = effect.levels[:MOST_LEVELS]
    ends = any(level.pruned or level.failed for level in effect.levels)
    found = table(_without_empty([_level(level, metric, digits, ends) for level in levels]))
    more = len(effect.levels) - len(levels)
    return [*found, "", f"{more} more values are not shown."] if more else found


def _level(level: Level, metric: str, digits: int, ends: bool) -> dict[str, str]:
    interval = "" if level.interval is None else _interval(level.interval, digits)
    row = {
        "Value": level.words,
        "Configurations": str(level.count),
        f"Mean {escape(metric)}": number(level.mean, digits),
    }
    row |= {"95 % interval": interval, "Worse by": difference_words(level, digits)}
    if not ends:
        return row
    return {**row, "Trials": str(level.trials), "Pruned": str(level.pruned), "Failed": str(level.failed)}


def _interval(interval: tuple[float, float], digits: int) -> str:
    return f"{number(interval[0], digits)} to {number(interval[1], digits)}"


def _interaction(interaction: Interaction, metric: str, digits: int) -> Iterator[str]:
    one, other = interaction.one, interaction.other
    yield from (f"### {escape(one)} with {escape(other)}", "")
    words = f"What {one} does depends on {other} (p {p_is(interaction.p)}, corrected for all pairs). Mean {metric}:"
    yield from (escape(words), "")
    rows = [
        {one: row} | {f"{other}={column}": _cell(mean, digits) for column, mean in _cells(interaction, at)}
        for at, row in enumerate(interaction.rows)
    ]
    yield from (*table([{escape(key): value for key, value in row.items()} for row in rows]), "")


def _cells(interaction: Interaction, at: int) -> Iterator[tuple[str, float | None]]:
    return zip(map(str, interaction.columns), interaction.means[at], strict=True)


def _cell(mean: float | None, digits: int) -> str:
    return "not run" if mean is None else number(mean, digits)


def decimals(effects: Sequence[Effect]) -> int:
    """Returns the decimals that show the widest interval of a difference with two digits; 4 where there is none."""
    ends = [level.difference_interval for effect in effects for level in effect.levels if level.difference_interval]
    width = max((high - low for low, high in ends), default=0.0) / 2
    return 4 if not width else max(2, min(15, 1 - math.floor(math.log10(width))))


def _limits(limits: Sequence[Limit]) -> Iterator[str]:
    held = [limit for limit in limits if limit.kind == "single_level"]
    others = [limit for limit in limits if limit.kind != "single_level"]
    for limit in sorted(others, key=lambda limit: _ORDER.get(limit.kind, len(_ORDER))):
        yield f"- {escape(_capital(limit.words))}."
    if len(held) == 1:
        yield f"- {escape(_capital(held[0].words))}."
    elif held:
        yield f"- Nothing is known of the effect of what has one value in all compared: {escape(_listed(held))}."
    if not limits:
        yield "Nothing stands out: every parameter was varied apart from the others, with more than one seed."


def _listed(held: Sequence[Limit]) -> str:
    return ", ".join(limit.key for limit in held)


_KINDS = ("confounded", "few_points", "no_seeds", "seen_once", "edge", "infeasible", "pruned", "adaptive", "untested")
_ORDER: Mapping[str, int] = {kind: at for at, kind in enumerate(_KINDS)}


def _capital(words: str) -> str:
    """Returns a sentence with a capital, but for one that begins with a key."""
    first = words.split(maxsplit=1)[0]
    return words if "." in first.rstrip(".,:") else words[:1].upper() + words[1:]
