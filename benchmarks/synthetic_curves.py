"""Runs that never ran: what a loss is at every step, and what a trainer would have logged of it.

What a style draws from (shapes, noise, schedules, ranges) differs between the curves that thresholds are set on
(`benchmarks.tuning_curves`) and those they are judged on (`benchmarks.held_out_curves`).
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from analysis.curve import Curve, Points

Shape = Callable[[float], float]
"""Of the share of the steps that are done."""

Range = tuple[float, float]


@dataclass(frozen=True)
class Style:
    """Where a set of curves draws from."""

    decays: Sequence[Callable[[random.Random], Shape]]
    noises: Sequence[Callable[[random.Random, float, int], list[float]]]
    schedules: Sequence[Callable[[random.Random], Shape]]
    start: Range
    gain: Range
    steps: Range
    logged: Range
    evaluated: Range
    noise: Range
    eval_noise: Range
    peak: Range
    defects: dict[str, Range]


@dataclass(frozen=True)
class Plan:
    """What a run is before its points are drawn; `logged` and `evaluated` are how many points there are to be."""

    train: Shape
    evals: Shape
    rate: Shape
    norm: Shape
    steps: int
    logged: int
    evaluated: int
    noise: float
    eval_noise: float
    peak: float
    noisy: Callable[[random.Random, float, int], list[float]]


def drawn(dice: random.Random, style: Style, gain: float | None = None) -> Plan:
    """Draws a healthy run.

    Args:
        dice: Where chance comes from.
        style: Where it draws from.
        gain: The relative fall of the training loss; None for a healthy one.
    """
    start, fall = dice.uniform(*style.start), dice.uniform(*style.gain) if gain is None else gain
    decay, apart = dice.choice(style.decays)(dice), 1 + dice.uniform(-0.04, 0.08)
    learned = dice.uniform(0.75, 0.98)  # what of the training loss's fall other rows show

    def train(done: float) -> float:
        return start * (1 - fall * (1 - decay(done)))

    def evals(done: float) -> float:
        return apart * start * (1 - learned * fall * (1 - decay(done)))

    first = dice.uniform(0.3, 4.0)
    return Plan(
        train=train,
        evals=evals,
        rate=dice.choice(style.schedules)(dice),
        norm=lambda done: first * (0.35 + 0.65 * decay(done)),
        steps=round(math.exp(dice.uniform(*map(math.log, style.steps)))),
        logged=round(math.exp(dice.uniform(*map(math.log, style.logged)))),
        evaluated=round(dice.uniform(*style.evaluated)),
        noise=dice.uniform(*style.noise),
        eval_noise=dice.uniform(*style.eval_noise),
        peak=10 ** dice.uniform(*style.peak),
        noisy=dice.choice(style.noises),
    )


def record(dice: random.Random, plan: Plan) -> Curve:
    """Returns what a trainer would have logged."""
    logged, evaluated = _steps(plan.steps, plan.logged), _steps(plan.steps, plan.evaluated)
    factors = plan.noisy(dice, plan.noise, len(logged))
    norms = plan.noisy(dice, 0.15, len(logged))
    return Curve(
        losses=_points(logged, plan.steps, plan.train, factors),
        evals=_points(evaluated, plan.steps, plan.evals, [dice.gauss(1, plan.eval_noise) for _ in evaluated]),
        learning_rates=_points(logged, plan.steps, lambda done: plan.peak * plan.rate(done), [1.0] * len(logged)),
        grad_norms=_points(logged, plan.steps, plan.norm, norms),
        steps=plan.steps,
    )


def _steps(steps: int, count: int) -> list[int]:
    every = max(1, steps // max(1, count))
    return list(range(every, steps + 1, every))


def _points(steps: Sequence[int], total: int, shape: Shape, factors: Sequence[float]) -> Points:
    return tuple((step, shape(step / total) * factor) for step, factor in zip(steps, factors, strict=True))


def sparser(dice: random.Random, curve: Curve) -> Curve:
    """Leaves out what other people's trainers do not log: norms, learning rates, one of the two losses."""
    kept = curve if dice.random() < 0.7 else replace(curve, grad_norms=())
    kept = kept if dice.random() < 0.8 else replace(kept, learning_rates=())
    which = dice.random()
    if which < 0.12 and len(curve.losses) >= 20:
        return replace(kept, evals=())
    return replace(kept, losses=(), grad_norms=(), learning_rates=()) if which > 0.9 else kept


def measured(dice: random.Random, curve: Curve, **shapes: Shape) -> Curve:
    """Adds metrics of labelled data to the evaluations: each a shape over the steps, with a little noise, in [0, 1]."""
    total = curve.steps or 1
    found = {
        f"eval_{name}": tuple(
            (step, min(1.0, max(0.0, shape(step / total) + dice.gauss(0, 0.008)))) for step, _ in curve.evals
        )
        for name, shape in shapes.items()
    }
    return replace(curve, measured={**curve.measured, **found})
