"""Sweeps whose truth is known: seeded, and made without training anything.

A world has factors, what each of their values does, and what pairs of them do besides; a design says which
configurations are run, with how many seeds, and which of them are pruned. Values are losses in nats.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analysis.configuration import configurations
from analysis.ranking import Noise, Place, Ranking
from analysis.recorded_sweep import RecordedSweep
from analysis.records import SweepRecords, TrialRow

METRIC = "eval_loss"
CHANCE = 0.01
"""Standard deviation of one trial, in nats."""

Params = Mapping[str, Any]


@dataclass(frozen=True)
class Made:
    """A sweep, its ranking, and what its configurations would have without chance.

    What all trials of a seed share is part of the truth: means are said to hold for the seeds that were run.
    `confounded` are the sets of keys that cannot be separated.
    """

    sweep: RecordedSweep
    ranking: Ranking
    truth: Callable[[Params], float]
    confounded: tuple[frozenset[str], ...] = ()


@dataclass(frozen=True)
class Scenario:
    """A kind of sweep; `make` gets a seed. `intervals` is False where none may be stated."""

    name: str
    make: Callable[[int], Made]
    intervals: bool = True


AXES: dict[str, tuple[Any, ...]] = {
    "lora.r": (4, 8, 16, 32),
    "training.learning_rate": (1e-4, 2e-4, 4e-4),
    "lora.dropout": (0.0, 0.05, 0.1),
    "training.lr_scheduler_type": ("linear", "cosine"),
}


def grid(names: Sequence[str]) -> list[dict[str, Any]]:
    """Returns every combination of some axes."""
    return [dict(zip(names, values, strict=True)) for values in itertools.product(*(AXES[name] for name in names))]


def additive(random_: random.Random, names: Sequence[str], size: float) -> Callable[[Params], float]:
    """Returns effects of random sizes; `size` is their standard deviation."""
    tables = {name: {value: random_.gauss(0, size) for value in AXES[name]} for name in names}
    return lambda params: 1.5 + sum(tables[name][params[name]] for name in names)


def joint(random_: random.Random, one: str, other: str, size: float) -> Callable[[Params], float]:
    """Returns what two factors do together."""
    table = {pair: random_.gauss(0, size) for pair in itertools.product(AXES[one], AXES[other])}
    return lambda params: table[params[one], params[other]]


def made(
    random_: random.Random,
    points: Sequence[Params],
    truth: Callable[[Params], float],
    *,
    seeds: int | Callable[[int], int] = 1,
    shared: float = 0.0,
    pruned: float = 0.0,
    maximised: bool = False,
    confounded: tuple[frozenset[str], ...] = (),
) -> Made:
    """Runs configurations.

    Args:
        random_: Where chance comes from.
        points: The configurations.
        truth: What each has without chance.
        seeds: How many each runs with, or how many by its place in the list.
        shared: Standard deviation of what all trials of a seed have in common.
        pruned: The share of trials, the worst, that are stopped.
        maximised: True for an accuracy.
        confounded: The sets of keys that cannot be separated.
    """
    sign = -1 if maximised else 1
    kind = [random_.gauss(0, shared) for _ in range(10)]
    run = seeds if isinstance(seeds, int) else 0
    common = sign * sum(kind[:run]) / run if run else 0.0
    rows = []
    for at, point in enumerate(points):
        for seed in range(seeds if isinstance(seeds, int) else seeds(at)):
            value = truth(point) + sign * (kind[seed] + random_.gauss(0, CHANCE))
            rows.append(_row(len(rows), {**point, "training.seed": seed}, value))
    limit = (
        sorted((sign * row.metrics[METRIC] for row in rows), reverse=True)[int(pruned * len(rows))]
        if pruned
        else math.inf
    )
    rows = [_pruned(row) if sign * row.metrics[METRIC] > limit else row for row in rows]
    records = SweepRecords("made", METRIC, "maximize" if maximised else "minimize", rows)
    return Made(
        RecordedSweep(records, {"sampler": "random"}),
        ranking(records),
        lambda params: truth(params) + common,
        confounded,
    )


def _row(number: int, params: dict[str, Any], value: float, outcome: str = "complete") -> TrialRow:
    name = f"exp{number + 1}"
    return TrialRow(number, name, outcome, "", False, params, {METRIC: value}, (), trial=f"id{number}")


def _pruned(row: TrialRow) -> TrialRow:
    return _row(row.number, row.params, row.metrics[METRIC], "pruned")


def ranking(records: SweepRecords) -> Ranking:
    """Returns all configurations that completed, in the order of their means."""
    sign = 1 if records.direction == "minimize" else -1
    found = configurations(row for row in records.trials if row.outcome == "complete")
    means = sorted(
        ((configuration.mean(METRIC) or 0.0, configuration) for configuration in found), key=lambda item: sign * item[0]
    )
    places = tuple(Place(at, configuration, mean) for at, (mean, configuration) in enumerate(means, start=1))
    return Ranking(records.metric, records.direction, places, Noise("unknown", None, ""))


R, RATE, DROPOUT, SCHEDULER = AXES


def full_grid(names: Sequence[str] = (R, RATE, DROPOUT), **more: Any) -> Callable[[int], Made]:
    """Every combination, additive effects."""

    def make(seed: int) -> Made:
        random_ = random.Random(seed)
        return made(random_, grid(names), additive(random_, names, more.get("size", 0.02)), **_given(more))

    return make


def _given(more: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in more.items() if key not in {"size", "together"}}


def with_interaction(
    names: Sequence[str] = (R, RATE, DROPOUT), *, share: float = 1.0, beyond: bool = False, **more: Any
) -> Callable[[int], Made]:
    """A grid whose first two factors depend on each other; `share` of the combinations are run.

    `beyond`: the truth is that of all values there could be of the others, for which those run stand.
    """

    def make(seed: int) -> Made:
        random_ = random.Random(seed)
        main, besides = additive(random_, names, 0.02), joint(random_, names[0], names[1], more.get("together", 0.03))
        points = grid(names)
        kept = [points[at] for at in sorted(random_.sample(range(len(points)), round(share * len(points))))]
        sweep = made(random_, kept, lambda params: main(params) + besides(params), **_given(more))
        return dataclasses.replace(sweep, truth=main) if beyond else sweep

    return make


def unbalanced(count: int = 24, size: float = 0.02, **more: Any) -> Callable[[int], Made]:
    """Random combinations of four factors, each at most once."""

    def make(seed: int) -> Made:
        random_ = random.Random(seed)
        points = random_.sample(grid(tuple(AXES)), count)
        return made(random_, points, additive(random_, tuple(AXES), size), **_given(more))

    return make


def sampled(
    count: int, *, bend: float = 0.02, wall: float = 0.0, tilt: float = 0.0, size: float = 0.02, **more: Any
) -> Callable[[int], Made]:
    """Learning rates drawn evenly by ratio, quadratic in the logarithm, with rank and dropout from lists.

    `bend` is in nats per squared factor of e; `wall` is what e-folds above 6e-4 cost besides, which no polynomial is;
    `tilt` is by how many e-folds the best rate falls when rank doubles.
    """

    def make(seed: int) -> Made:
        random_ = random.Random(seed)
        main, best = additive(random_, (R, DROPOUT), size), random_.uniform(math.log(1e-4), math.log(6e-4))

        def truth(params: Params) -> float:
            at = math.log(params[RATE])
            bent = bend * (at - best + tilt * math.log2(params[R] / 8)) ** 2
            return main(params) + bent + wall * max(0.0, at - math.log(6e-4))

        points = [
            {
                R: random_.choice(AXES[R]),
                DROPOUT: random_.choice(AXES[DROPOUT]),
                RATE: math.exp(random_.uniform(math.log(5e-5), math.log(8e-4))),
            }
            for _ in range(count)
        ]
        return made(random_, points, truth, **_given(more))

    return make


def tilted(names: Sequence[str] = (R, RATE), **more: Any) -> Callable[[int], Made]:
    """A grid of numbers where the higher one is, the lower the other should be, as rank and rate may be."""

    def make(seed: int) -> Made:
        random_ = random.Random(seed)
        main = additive(random_, names, 0.02)

        def truth(params: Params) -> float:
            places = [2 * AXES[name].index(params[name]) / (len(AXES[name]) - 1) - 1 for name in names[:2]]
            return main(params) + 0.03 * places[0] * places[1]

        return made(random_, grid(names), truth, **more)

    return make


def refined(count: int, size: float = 0.02) -> Callable[[int], Made]:
    """Half the rates drawn evenly, the others around the best so far, as samplers do."""

    def make(seed: int) -> Made:
        random_ = random.Random(seed)
        first = sampled(count // 2, size=size)(seed)
        best = first.ranking.places[0].configuration.params
        points = [dict(row.params) for row in first.sweep.records.trials]
        around = [
            {
                R: random_.choice([best[R], *AXES[R]]),
                DROPOUT: random_.choice([best[DROPOUT], *AXES[DROPOUT]]),
                RATE: best[RATE] * math.exp(random_.gauss(0, 0.3)),
            }
            for _ in range(count - count // 2)
        ]
        later = made(random_, around, first.truth)
        rows = [row.metrics[METRIC] for row in (*first.sweep.records.trials, *later.sweep.records.trials)]
        trials = [
            _row(at, {**point, "training.seed": 0}, value)
            for at, (point, value) in enumerate(zip([*points, *around], rows, strict=True))
        ]
        records = SweepRecords("made", METRIC, "minimize", trials)
        return Made(RecordedSweep(records, {"sampler": "tpe"}), ranking(records), first.truth)

    return make


def aliased(seed: int) -> Made:
    """Rank, rate and a scheduler that went with rank: 4 and 8 linear, 16 and 32 cosine."""
    random_ = random.Random(seed)
    points = [{**point, SCHEDULER: "linear" if point[R] < 16 else "cosine"} for point in grid((R, RATE, DROPOUT))]
    truth = additive(random_, tuple(AXES), 0.02)
    return made(random_, points, truth, confounded=(frozenset({R, SCHEDULER}),))


def jointly_aliased(seed: int) -> Made:
    """A grid of rank, dropout and scheduler, two values each, whose rate followed the scheduler."""
    random_ = random.Random(seed)
    points = [point for point in grid((R, DROPOUT, SCHEDULER)) if point[R] in {8, 16} and point[DROPOUT] in {0.0, 0.1}]
    points = [{**point, RATE: 1e-4 if point[SCHEDULER] == "linear" else 2e-4} for point in points]
    truth = additive(random_, tuple(AXES), 0.02)
    return made(random_, points, truth, seeds=2, confounded=(frozenset({RATE, SCHEDULER}),))


def alpha_by_hand(seed: int) -> Made:
    """Document 003's grid: rank by alpha, so that gain varies with both."""
    random_ = random.Random(seed)
    points = [{R: r, "lora.alpha": alpha, DROPOUT: d} for r in (16, 24, 32) for alpha in (48, 64) for d in (0.05, 0.1)]
    effect = {key: random_.gauss(0, 0.02) for key in ("r", "alpha", "d")}

    def truth(params: Params) -> float:
        return (
            1.5
            + effect["r"] * params[R] / 16
            + effect["alpha"] * params["lora.alpha"] / 48
            + effect["d"] * params[DROPOUT]
        )

    return made(random_, points, truth, confounded=(frozenset({"lora.gain"}),))
