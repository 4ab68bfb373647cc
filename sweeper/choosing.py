"""How a stage's winner is chosen: the tuning guide's rules as pure functions, each with its reason in one sentence."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sweeper.candidates import Candidate, Noise
from sweeper.conditions import lottery_ticket, unstable


@dataclass(frozen=True)
class Choice:
    """What a rule decided: the winners, the best first, why, and the numbers it decided by.

    `invalid` is True where the comparison itself says nothing.
    """

    winners: tuple[Candidate, ...]
    reason: str
    numbers: dict[str, Any] = field(default_factory=dict)
    invalid: bool = False

    @property
    def recorded(self) -> dict[str, Any]:
        """The decision as it stands in the log."""
        winners = [dict(item.params) for item in self.winners]
        return {"winners": winners, "numbers": self.numbers, "invalid": self.invalid}


@dataclass(frozen=True)
class Comparison:
    """What a rule is given: the candidates in the order the stage lists them, the noise, and how many go on."""

    candidates: tuple[Candidate, ...]
    noise: Noise
    keep: int = 1

    @property
    def valued(self) -> list[Candidate]:
        """The candidates that can be compared, the best first, ties in the listed order."""
        known = [item for item in self.candidates if item.value is not None]
        return sorted(known, key=lambda item: item.value or 0.0)


Rule = Callable[[Comparison, Mapping[str, Any]], Choice]


def best(compared: Comparison, arguments: Mapping[str, Any]) -> Choice:
    """Takes the best value."""
    ranked = compared.valued
    if not ranked:
        return _nothing()
    return _of(compared, ranked[: compared.keep], f"{_told(ranked[0])} is the best of {len(compared.candidates)}")


def smallest(compared: Comparison, arguments: Mapping[str, Any]) -> Choice:
    """Takes the first listed candidate within the noise of the best: stages list from small to large, plain to rich."""
    ranked = compared.valued
    if not ranked:
        return _nothing()
    top = ranked[0]
    near = [item for item in compared.candidates if _within(item, top, compared.noise)]
    chosen = [near[0], *(item for item in ranked if item is not near[0])][: compared.keep]
    if near[0] is top:
        return _of(compared, chosen, f"{_told(top)} is the best, and nothing listed before it comes within the noise")
    reason = f"{_told(near[0])} is the first listed within the noise of the best, {_told(top)}"
    return _of(compared, chosen, reason, tied=[item.label for item in near])


def stable(compared: Comparison, arguments: Mapping[str, Any]) -> Choice:
    """Drops what is unstable and what is far slower (`slower` times the fastest), and ranks the rest."""
    calm = [item for item in compared.valued if not any(map(unstable, item.runs))]
    factor = float(arguments.get("slower", 2.0))
    times = {item.label: _mean([run.seconds for run in item.runs]) for item in calm}
    fastest = min((value for value in times.values() if value), default=None)
    kept = [item for item in calm if fastest is None or (times[item.label] or 0.0) <= factor * fastest]
    if not kept:
        return Choice((), "every candidate was unstable", {"unstable": len(compared.candidates)})
    dropped = len(compared.candidates) - len(kept)
    reason = f"{_told(kept[0])} is the best of those that were stable and not far slower; {dropped} dropped"
    return _of(compared, kept[: compared.keep], reason, dropped=dropped)


def score_minus_cost(compared: Comparison, arguments: Mapping[str, Any]) -> Choice:
    """Takes the best of value + `weight` * seconds (the guide's LoftQ rule: validation score - lambda * init time)."""
    weight = float(arguments.get("weight", 0.0))
    scores = {
        id(item): (item.value or 0.0) + weight * (_mean([run.seconds for run in item.runs]) or 0.0)
        for item in compared.valued
    }
    ranked = sorted(compared.valued, key=lambda item: scores[id(item)])
    if not ranked:
        return _nothing()
    reason = f"{_told(ranked[0])} has the best score, {scores[id(ranked[0])]:.4f} with {weight:g} a second"
    return _of(compared, ranked[: compared.keep], reason, weight=weight)


def faster(compared: Comparison, arguments: Mapping[str, Any]) -> Choice:
    """Takes the fastest that is materially faster than the first listed (by `gain`) at a value within the noise."""
    baseline, gain = compared.candidates[0], float(arguments.get("gain", 0.10))
    speed = _speed(baseline)
    if baseline.value is None or speed is None:
        return Choice((), f"{baseline.label}, the baseline, has no value or speed to compare with", invalid=True)
    good = [
        item
        for item in compared.valued
        if item is not baseline
        and (_speed(item) or 0.0) >= (1 + gain) * speed
        and _within(item, baseline, compared.noise)
    ]
    chosen = max(good, key=lambda item: _speed(item) or 0.0, default=baseline)
    if chosen is baseline:
        return _of(compared, [baseline], f"nothing is {gain:.0%} faster than {baseline.label} within the noise")
    ratio = (_speed(chosen) or 0.0) / speed
    return _of(
        compared, [chosen], f"{_told(chosen)} runs {ratio:.2f} times as fast at a value within the noise", speedup=ratio
    )


BLOW_UP = 1.5
"""A range test's smoothed loss this many times its least has blown up; the guide leaves the criterion open."""

SMOOTHING = 0.7
"""Of the exponential mean: single batches differ by more than a rising learning rate changes between them."""


def range_test(compared: Comparison, arguments: Mapping[str, Any]) -> Choice:
    """Finds where a rising learning rate makes the loss blow up, and bounds what follows by a share of that.

    The guide takes 10-30 % of it; `share` is 0.3 unless said.
    """
    share, run = float(arguments.get("share", 0.3)), compared.candidates[0].runs[0]
    rates = dict(run.learning_rates)
    blown = _blow_up([(rates[step], loss) for step, loss in run.losses if step in rates])
    if blown is None and run.diverged and rates:
        blown = rates[max(rates)]
    if blown is None:
        top = max(rates.values(), default=None)
        told = f"up to {top:.3g}" if top is not None else "at all: no learning rate was logged"
        return Choice((), f"the loss did not blow up {told}: nothing is cut", {"bound": None})
    where = f"the loss blows up at {blown:.3g} ({BLOW_UP:g} times its least, smoothed)"
    reason = f"{where}; {share:.0%} of that, {share * blown:.3g}, bounds the sweep"
    return Choice((), reason, {"blow_up": blown, "bound": share * blown})


def _blow_up(points: Sequence[tuple[float, float]]) -> float | None:
    """Returns the rate of the first point beyond the least smoothed loss where that has grown by `BLOW_UP`."""
    finite = list(itertools.takewhile(lambda point: math.isfinite(point[1]), points))
    smooth = list(itertools.accumulate((loss for _, loss in finite), _mixed))
    if not smooth:
        return points[0][0] if points else None
    least = smooth.index(min(smooth))
    beyond = zip(finite[least:], smooth[least:], strict=True)
    grown = (rate for (rate, _), loss in beyond if loss > BLOW_UP * smooth[least])
    return next(grown, points[len(finite)][0] if len(finite) < len(points) else None)


def _mixed(mean: float, loss: float) -> float:
    return SMOOTHING * mean + (1 - SMOOTHING) * loss


def confirm(compared: Comparison, arguments: Mapping[str, Any]) -> Choice:
    """Takes the best mean over the seeds, after rejecting lottery tickets: good at one checkpoint, and unstable."""
    rejected = [item for item in compared.valued if any(map(lottery_ticket, item.runs))]
    kept = [item for item in compared.valued if item not in rejected]
    if not kept:
        return Choice((), "every candidate is a lottery ticket: good at one checkpoint only, and unstable")
    told = f"; rejected as lottery tickets: {', '.join(item.label for item in rejected)}" if rejected else ""
    seeds = len(kept[0].runs)
    reason = f"{_told(kept[0])} has the best mean over {seeds} seed{'' if seeds == 1 else 's'}{told}"
    return _of(compared, kept[: compared.keep], reason, rejected=[item.label for item in rejected])


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
    "confirm": confirm,
    "range_test": range_test,
    "differing": differing,
}
"""The rules by the names that procedures call them."""


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
        return f"{chosen:g} is the smallest value swept"
    return f"{chosen:g} is the largest value swept" if chosen == numbers[-1] else None


def _of(compared: Comparison, winners: Sequence[Candidate], reason: str, **numbers: Any) -> Choice:
    values = {item.label: item.value for item in compared.candidates}
    return Choice(
        tuple(winners),
        f"{reason}; noise ±{compared.noise}",
        {"values": values, "noise": compared.noise.size, **numbers},
    )


def _nothing() -> Choice:
    return Choice((), "no candidate has a value: all failed, diverged or were pruned")


def _within(item: Candidate, top: Candidate, noise: Noise) -> bool:
    return item.value is not None and top.value is not None and item.value - top.value <= noise.size


def _told(item: Candidate) -> str:
    return f"{item.label} ({abs(item.value or 0.0):.4f})"


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if known else None


def _speed(item: Candidate) -> float | None:
    return _mean([run.tokens_per_s for run in item.runs])
