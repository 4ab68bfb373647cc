"""How a stage's winner is chosen: the tuning guide's rules as pure functions, each with its reason in one sentence."""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sweeper.candidates import Candidate
from sweeper.comparison import Choice, Comparison, Rule, choice_of, in_words, mean, nothing, within
from sweeper.conditions import lottery_ticket, unstable
from sweeper.range_test import range_test


def best(compared: Comparison, arguments: Mapping[str, Any]) -> Choice:
    """Takes the best value."""
    ranked = compared.valued
    if not ranked:
        return nothing()
    return choice_of(
        compared, ranked[: compared.keep], f"{in_words(ranked[0])} is the best of {len(compared.candidates)}"
    )


def smallest(compared: Comparison, arguments: Mapping[str, Any]) -> Choice:
    """Takes the first listed candidate within the noise of the best: stages list from small to large, plain to rich.

    With `stable: true` what was unstable does not count ("if any run diverges or is noisy early: move upward").
    """
    listed = [item for item in compared.candidates if not arguments.get("stable") or _is_calm(item)]
    ranked = dataclasses.replace(compared, candidates=tuple(listed)).valued
    if not ranked:
        return nothing() if not compared.valued else Choice((), "every candidate was unstable")
    top, left = ranked[0], [item.label for item in compared.valued if item not in listed]
    out = f"; unstable and left out: {'; '.join(left)}" if left else ""
    near = [item for item in listed if within(item, top, compared.noise)]
    chosen = [near[0], *(item for item in ranked if item is not near[0])][: compared.keep]
    if near[0] is top:
        alone = f"{in_words(top)} is the best, and nothing listed before it comes within the noise"
        return choice_of(compared, chosen, f"{alone}{out}")
    reason = f"{in_words(near[0])} is the first listed within the noise of the best, {in_words(top)}"
    return choice_of(compared, chosen, f"{reason}{out}", tied=[item.label for item in near])


def stable(compared: Comparison, arguments: Mapping[str, Any]) -> Choice:
    """Drops what is unstable and what is far slower (`slower` times the fastest), and ranks the rest."""
    calm = [item for item in compared.valued if _is_calm(item)]
    factor = float(arguments.get("slower", 2.0))
    times = {item.label: mean([run.seconds for run in item.runs]) for item in calm}
    fastest = min((value for value in times.values() if value), default=None)
    kept = [item for item in calm if fastest is None or (times[item.label] or 0.0) <= factor * fastest]
    if not compared.valued:
        return nothing()
    if not kept:
        return Choice((), "every candidate was unstable", {"unstable": len(compared.candidates)})
    if len(compared.candidates) == 1:
        return choice_of(compared, kept, _told_alone(kept[0]))
    dropped = len(compared.candidates) - len(kept)
    reason = f"{in_words(kept[0])} is the best of those that were stable and not far slower; {dropped} dropped"
    return choice_of(compared, kept[: compared.keep], reason, dropped=dropped)


def score_minus_cost(compared: Comparison, arguments: Mapping[str, Any]) -> Choice:
    """Takes the best of value + `weight` * seconds (the guide's LoftQ rule: validation score - lambda * init time).

    The seconds are those of a trial's start, and with `of: seconds` those of the whole trial.
    """
    weight, of = float(arguments.get("weight", 0.0)), str(arguments.get("of", "init_seconds"))
    scores = {
        id(item): (item.value or 0.0) + weight * (mean([getattr(run, of) for run in item.runs]) or 0.0)
        for item in compared.valued
    }
    ranked = sorted(compared.valued, key=lambda item: scores[id(item)])
    if not ranked:
        return nothing()
    cost = f"{weight:g} for each of its {of.replace('_', ' ')}"
    reason = f"{in_words(ranked[0])} has the best score, {scores[id(ranked[0])]:.4f} with {cost}"
    return choice_of(compared, ranked[: compared.keep], reason, weight=weight)


def faster(compared: Comparison, arguments: Mapping[str, Any]) -> Choice:
    """Takes the fastest that is materially faster than the first listed (by `gain`) at a value within the noise.

    What runs on into a next sample more often than the first listed is out, however fast.
    """
    baseline, gain = compared.candidates[0], float(arguments.get("gain", 0.10))
    speed = _speed(baseline)
    if baseline.value is None or speed is None:
        return Choice((), f"{baseline.label}, the baseline, has no value or speed to compare with", invalid=True)
    good = [
        item
        for item in compared.valued
        if item is not baseline
        and (_speed(item) or 0.0) >= (1 + gain) * speed
        and within(item, baseline, compared.noise)
        and _bleeds(item) <= _bleeds(baseline)
    ]
    chosen = max(good, key=lambda item: _speed(item) or 0.0, default=baseline)
    if chosen is baseline:
        clean = "" if not _bleeds(baseline) and not any(map(_bleeds, compared.valued)) else ", and as clean"
        reason = f"nothing is {100 * gain:.0f} % faster than {baseline.label} within the noise{clean}"
        return choice_of(compared, [baseline], reason, **_speeds(compared))
    ratio = (_speed(chosen) or 0.0) / speed
    return choice_of(
        compared,
        [chosen],
        f"{in_words(chosen)} runs {ratio:.2f} times as fast at a value within the noise",
        speedup=ratio,
        **_speeds(compared),
    )


def marginal(compared: Comparison, arguments: Mapping[str, Any]) -> Choice:
    """Takes the value of one factor (`of`) whose candidates are best on average, and the best of those.

    A factor is so judged over all values of the others; a value with a candidate that has no result does not count.
    """
    key = str(arguments["of"])
    groups: dict[str, list[Candidate]] = {}
    for item in compared.candidates:
        groups.setdefault(str(item.params.get(key)), []).append(item)
    means = {name: statistics.fmean(found) for name, group in groups.items() if (found := _all_values(group))}
    if not means:
        return nothing()
    level = min(means, key=lambda name: means[name])
    ranked = dataclasses.replace(compared, candidates=tuple(groups[level])).valued
    reason = f"{key}={level} has the best mean, {abs(means[level]):.4f} over {len(ranked)}"
    reason = f"{reason}; its best is {in_words(ranked[0])}"
    return choice_of(compared, ranked[: compared.keep], reason, means=means)


def _all_values(group: Sequence[Candidate]) -> list[float]:
    values = [item.value for item in group if item.value is not None]
    return values if len(values) == len(group) else []


def confirm(compared: Comparison, arguments: Mapping[str, Any]) -> Choice:
    """Takes the best mean over the seeds, after rejecting lottery tickets: good at one checkpoint, and unstable."""
    rejected = [item for item in compared.valued if any(map(lottery_ticket, item.runs))]
    kept = [item for item in compared.valued if item not in rejected]
    if not kept:
        return Choice((), "every candidate is a lottery ticket: good at one checkpoint only, and unstable")
    told = f"; rejected as lottery tickets: {', '.join(item.label for item in rejected)}" if rejected else ""
    seeds = len(kept[0].runs)
    if len(compared.candidates) == 1:
        return choice_of(compared, kept, f"{in_words(kept[0])} is the mean over {seeds} seeds")
    ties = _ties(compared, kept)
    reason = f"{in_words(kept[0])} has the best mean over {seeds} seed{'' if seeds == 1 else 's'}{ties}{told}"
    return choice_of(compared, kept[: compared.keep], reason, rejected=[item.label for item in rejected])


def differing(compared: Comparison, arguments: Mapping[str, Any]) -> Choice:
    """As `smallest`, where every candidate trains another number of parameters; otherwise the comparison is invalid."""
    counts = {item.label: item.runs[0].trainable_parameters for item in compared.candidates}
    known = [count for count in counts.values() if count is not None]
    if len(set(known)) < len(known):
        told = ", ".join(f"{label}: {count}" for label, count in counts.items())
        return Choice(
            (), f"the candidates do not differ in trainable parameters ({told}): nothing was compared", counts, True
        )
    return smallest(compared, arguments)


RULES: Mapping[str, Rule] = {
    "best": best,
    "smallest": smallest,
    "stable": stable,
    "score_minus_cost": score_minus_cost,
    "faster": faster,
    "marginal": marginal,
    "confirm": confirm,
    "range_test": range_test,
    "differing": differing,
}
"""The rules by the names that procedures call them."""


@dataclass(frozen=True)
class Argument:
    """What an argument of a rule can be: whether a value `fits`, in words, and an example."""

    fits: Callable[[Any], bool]
    told: str
    example: str


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


_STABLE = Argument(lambda value: isinstance(value, bool), "true or false", "stable: true")

ARGUMENTS: Mapping[str, Mapping[str, Argument]] = {
    "smallest": {"stable": _STABLE},
    "differing": {"stable": _STABLE},
    "stable": {"slower": Argument(lambda value: _is_number(value) and value >= 1, "a number from 1 on", "slower: 2")},
    "score_minus_cost": {
        "weight": Argument(lambda value: _is_number(value) and value >= 0, "a number from 0 on", "weight: 1.0e-5"),
        "of": Argument(lambda value: value in {"init_seconds", "seconds"}, "init_seconds or seconds", "of: seconds"),
    },
    "faster": {"gain": Argument(lambda value: _is_number(value) and value >= 0, "a number from 0 on", "gain: 0.1")},
    "marginal": {"of": Argument(lambda value: isinstance(value, str), "a parameter", "of: lora.alpha_law")},
    "range_test": {
        "share": Argument(lambda value: _is_number(value) and 0 < value <= 1, "above 0 and at most 1", "share: 0.3")
    },
}
"""What `arguments` of each rule can say; only `marginal` cannot do without."""


def edge(values: Sequence[Any], chosen: Any) -> str | None:
    """Says where a winner lies on the edge of the swept values: the best may lie beyond.

    Args:
        values: What was swept, numbers.
        chosen: The winner's.
    """
    numbers = sorted(
        {float(value) for value in values if isinstance(value, (int, float)) and not isinstance(value, bool)}
    )
    if len(numbers) < 2 or not isinstance(chosen, (int, float)):
        return None
    if chosen == numbers[0]:
        if not chosen:
            return None  # there is nothing below none
        return f"{chosen:g} is the smallest value swept"
    return f"{chosen:g} is the largest value swept" if chosen == numbers[-1] else None


def _ties(compared: Comparison, ranked: Sequence[Candidate]) -> str:
    """Names what cannot be told apart from the best."""
    near = [item.label for item in ranked[1:] if within(item, ranked[0], compared.noise)]
    return f", within the noise of {'; '.join(near)}" if near else ""


def _told_alone(item: Candidate) -> str:
    """Says what a run that is compared with nothing has shown."""
    losses = [loss for _, loss in item.runs[0].curve.losses]
    moved = f", its training loss went from {losses[0]:.4g} to {losses[-1]:.4g}" if len(losses) > 1 else ""
    return f"{in_words(item)} ran without spikes{moved}"


def _is_calm(item: Candidate) -> bool:
    return not any(map(unstable, item.runs))


def _bleeds(item: Candidate) -> float:
    """Returns the share of generations that ran on into a next sample, 0 where nobody looked."""
    return mean([run.last.get("bleed_rate") for run in item.runs]) or 0.0


def _speeds(compared: Comparison) -> dict[str, Any]:
    found = {"tokens_per_s": _speed, "bleed_rate": _bleeds}
    return {name: {item.label: ask(item) for item in compared.candidates} for name, ask in found.items()}


def _speed(item: Candidate) -> float | None:
    return mean([run.tokens_per_s for run in item.runs])
