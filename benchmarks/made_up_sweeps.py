"""Sweeps that nobody ran, for looking at a report's pictures: losses by a rule, and patterns as anybody would sum them.

They are for the eye alone: what a report says of known effects is judged elsewhere.
"""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from analysis.configuration import configurations
from analysis.curve import Points
from analysis.evidence import Evidence
from analysis.patterns.pattern import Effect, Interaction, Level, Patterns
from analysis.ranking import Noise, Place, Ranking
from analysis.recorded_sweep import RecordedSweep
from analysis.records import SweepRecords, TrialRow

LR, R = "training.learning_rate", "lora.r"
DEFAULTS: dict[str, Any] = {
    R: 16, "lora.dropout": 0.05, "lora.gain": 2.0, LR: 2e-4, "training.lr_scheduler_type": "linear",
    "training.seed": 0, "data.name": "emotion",
}  # fmt: skip


@dataclass(frozen=True)
class Made:
    """What is made: parameters of each trial, and how they are told."""

    metric: str = "eval_loss"
    direction: str = "minimize"
    noise: float = 0.004
    pruned: float = 0.0
    diverged: float = 0.0
    stages: int = 1
    base: bool = True


def evidence(chosen: Sequence[Mapping[str, Any]], made: Made | None = None, name: str = "") -> Evidence:
    """Returns a sweep of the parameters that are given for each trial, on top of `DEFAULTS`."""
    made = made or Made()
    chance = random.Random(8)
    swept = tuple(dict.fromkeys(key for params in chosen for key in params))
    rows = [
        _row(index, {**DEFAULTS, **params}, swept, made, chance=chance, count=len(chosen))
        for index, params in enumerate(chosen)
    ]
    if name:
        rows = [replace(row, name=f"{name}_{row.number}") for row in rows]
    rows += [_base(made)] if made.base else []
    records = SweepRecords("made-up", made.metric, made.direction, rows)
    by_trial = {row.trial: row for row in rows}
    sweep = RecordedSweep(records, points=lambda trial, _: _curve(by_trial[trial], made))
    ranking = _ranking(records, made)
    return Evidence(sweep, ranking, _patterns(ranking, swept))


def _loss(params: Mapping[str, Any]) -> float:
    best = -3.4 - 0.15 * math.log2(params[R] / 16)
    bend = 0.12 * (math.log10(params[LR]) - best) ** 2 + 0.01 * (math.log2(params[R]) - 4.5) ** 2
    cosine = 0.012 if params["training.lr_scheduler_type"] == "cosine" else 0.0
    return 1.21 + bend + cosine + 0.3 * (params["lora.dropout"] - 0.06) ** 2 + 0.004 * abs(params["lora.gain"] - 2)


def _row(
    index: int, params: dict[str, Any], swept: tuple[str, ...], made: Made, *, chance: random.Random, count: int
) -> TrialRow:
    loss = _loss(params) + chance.gauss(0, made.noise)
    outcome = "pruned" if chance.random() < made.pruned else "complete"
    if chance.random() < made.diverged * (1 + (params[LR] > 1e-3) * 3):
        outcome, loss = "diverged", chance.choice([math.nan, 9.0, 40.0])
    value = loss if made.direction == "minimize" else 2.0 - loss
    r = params[R]
    stage = min(made.stages - 1, index * made.stages // count)
    metrics = {
        made.metric: value, "best_step": 300.0, "steps": 300.0 if outcome == "complete" else 75.0,
        "seconds": 40 + 1.2 * r + chance.gauss(0, 2), "peak_memory_mib": 5200 + 18.0 * r + chance.gauss(0, 3),
        "trainable_parameters": 106496.0 * r,
    }  # fmt: skip
    return TrialRow(
        number=index, name=f"exp{index + 1}_r{r}_a{params['lora.gain'] * r:g}_d{100 * params['lora.dropout']:02.0f}"
        f"_{params['training.lr_scheduler_type']}_{params['data.name']}",
        outcome=outcome, reason="", is_reference=False, params={**params, "trainer.name": "sft"}, metrics=metrics,
        swept=swept, trial=f"t{index}", stage=_STAGES[stage] if made.stages > 1 else "search",
        short=made.stages > 1 and stage == 0, ended=1e9 + 60.0 * index,
    )  # fmt: skip


_STAGES = ("learning_rate_scan", "learning_rate", "rank", "alpha_law", "dropout_and_regularisation", "final_seeds")


def _base(made: Made) -> TrialRow:
    value = 4.79 if made.direction == "minimize" else 0.11
    return TrialRow(-1, "base", "complete", "", True, {}, {made.metric: value}, (), "base")


def _curve(row: TrialRow, made: Made) -> Points:
    end, whole = row.metrics[made.metric], int(row.metrics["steps"])
    steps = range(25, whole + 1, 25)
    if row.outcome == "diverged":
        return tuple((step, 1.4 + 0.05 * (step / 25) ** 3) for step in steps)
    sign = 1 if made.direction == "minimize" else -1
    return tuple((step, end + sign * 0.9 * (math.exp(-step / 55) - math.exp(-whole / 55))) for step in steps)


def _ranking(records: SweepRecords, made: Made) -> Ranking:
    sign = 1 if made.direction == "minimize" else -1
    trials = [row for row in records.trials if row.outcome == "complete" and not row.is_reference and not row.short]
    found = [(item.mean(made.metric) or 0.0, item) for item in configurations(trials)]
    found.sort(key=lambda pair: sign * pair[0])
    best = found[0][0] if found else 0.0
    places = [
        Place(1 if abs(value - best) <= 2 * made.noise else index, item, value)
        for index, (value, item) in enumerate(found, start=1)
    ]
    return Ranking(made.metric, made.direction, tuple(places), Noise("unknown", None, ""))


def _patterns(ranking: Ranking, swept: Sequence[str]) -> Patterns:
    keys = [key for key in swept if key != "training.seed"]
    effects = tuple(_effect(ranking, key) for key in keys)
    crossed = [(one, other) for one in keys for other in keys if one < other][:2]
    found = [_interaction(ranking, *pair) for pair in crossed if all(len(_levels(ranking, key)) <= 6 for key in pair)]
    return Patterns(effects, tuple(found))


def _levels(ranking: Ranking, key: str) -> list[Any]:
    return sorted({place.configuration.params[key] for place in ranking.places})


def _effect(ranking: Ranking, key: str) -> Effect:
    levels = _levels(ranking, key)
    numeric = len(levels) > 6 and not isinstance(levels[0], str)
    groups = (
        [levels[at * len(levels) // 4 : (at + 1) * len(levels) // 4] for at in range(4)]
        if numeric
        else [[level] for level in levels]
    )
    found = []
    for group in groups:
        values = [place.value for place in ranking.places if place.configuration.params[key] in group]
        mean, error = statistics.fmean(values), 2 * statistics.pstdev(values) / math.sqrt(len(values))
        value = (group[0], group[-1]) if numeric else group[0]
        found.append(Level(value, str(value), len(values), mean, (mean - error, mean + error)))
    return Effect(key, tuple(found))


def _interaction(ranking: Ranking, one: str, other: str) -> Interaction:
    rows, columns = _levels(ranking, one), _levels(ranking, other)
    means = tuple(tuple(_mean(ranking, {one: row, other: column}) for column in columns) for row in rows)
    return Interaction(one, other, 0.01, tuple(rows), tuple(columns), means)


def _mean(ranking: Ranking, at: Mapping[str, Any]) -> float | None:
    values = [place.value for place in ranking.places if all(place.configuration.params[key] == at[key] for key in at)]
    return statistics.fmean(values) if values else None


def grid(**levels: Sequence[Any]) -> list[dict[str, Any]]:
    """Returns every combination of levels; keys are written with two underscores for the dot."""
    found: list[dict[str, Any]] = [{}]
    for key, values in levels.items():
        found = [{**item, key.replace("__", ".", 1): value} for item in found for value in values]
    return found


def sampled(count: int, seed: int = 3) -> list[dict[str, Any]]:
    """Returns random parameters: learning rate, rank, dropout, gain and scheduler."""
    chance = random.Random(seed)
    return [
        {
            LR: 10 ** chance.uniform(-5, -2.5),
            R: chance.choice([4, 8, 16, 32, 64]),
            "lora.dropout": round(chance.uniform(0, 0.15), 4),
            "lora.gain": chance.choice([1.0, 2.0, 4.0]),
            "training.lr_scheduler_type": chance.choice(["linear", "cosine", "constant_with_warmup"]),
        }
        for _ in range(count)
    ]
