"""The curves that thresholds were set on: exponentials and power laws, normal noise, cosine and linear schedules."""

from __future__ import annotations

import math
import random

from benchmarks.labelled_curves import Labelled
from benchmarks.provoked_shapes import curves
from benchmarks.synthetic_curves import Shape, Style

SEED = 7


def exponential(dice: random.Random) -> Shape:
    speed = dice.uniform(3, 12)
    return lambda done: math.exp(-speed * done)


def power(dice: random.Random) -> Shape:
    exponent, scale = dice.uniform(0.4, 1.2), dice.uniform(10, 80)
    return lambda done: (1 + scale * done) ** -exponent


def normal(dice: random.Random, sigma: float, count: int) -> list[float]:
    return [max(0.05, dice.gauss(1, sigma)) for _ in range(count)]


def linear(dice: random.Random) -> Shape:
    warm = dice.uniform(0.0, 0.1)
    return lambda done: done / warm if done < warm else (1 - done) / (1 - warm)


def cosine(dice: random.Random) -> Shape:
    warm = dice.uniform(0.0, 0.1)
    return lambda done: done / warm if done < warm else 0.5 * (1 + math.cos(math.pi * (done - warm) / (1 - warm)))


STYLE = Style(
    decays=(exponential, power),
    noises=(normal,),
    schedules=(linear, cosine),
    start=(0.6, 10.0),
    gain=(0.15, 0.92),
    steps=(40, 5000),
    logged=(8, 400),
    evaluated=(3, 24),
    noise=(0.005, 0.12),
    eval_noise=(0.0005, 0.006),
    peak=(-5, -2.5),
    defects={
        "slow_gain": (0.02, 0.06),
        "eval_rise": (0.03, 0.6),
        "best_at": (0.2, 0.7),
        "blow_up": (1.3, 5.0),
        "collapse": (0.9, 3.0),
        "collapse_at": (0.6, 0.9),
        "spike": (2.0, 8.0),
        "swing": (0.12, 0.4),
        "exhausted_at": (0.2, 0.75),
        "confidence_gap": (0.2, 0.45),
        "limited": (0.4, 0.8),
    },
)


def tuning(times: float = 1.0) -> list[Labelled]:
    return curves(STYLE, SEED, times)
