"""The curves that thresholds are judged on, never set on: other shapes, schedules, and noise with tails and memory."""

from __future__ import annotations

import math
import random

from benchmarks.labelled_curves import Labelled
from benchmarks.provoked_shapes import curves
from benchmarks.synthetic_curves import Shape, Style

SEED = 2025


def stretched(dice: random.Random) -> Shape:
    exponent, scale = dice.uniform(0.45, 0.8), dice.uniform(4, 15)
    return lambda done: math.exp(-((scale * done) ** exponent))


def two_speeds(dice: random.Random) -> Shape:
    quick, slow, part = dice.uniform(10, 40), dice.uniform(1.5, 5), dice.uniform(0.3, 0.7)
    return lambda done: part * math.exp(-quick * done) + (1 - part) * math.exp(-slow * done)


def delayed(dice: random.Random) -> Shape:
    """A plateau before the loss falls: a warm-up that is long, or a small learning rate's start."""
    middle, width = dice.uniform(0.1, 0.35), dice.uniform(0.04, 0.1)
    first = 1 / (1 + math.exp(-middle / width))
    return lambda done: 1 / (1 + math.exp((done - middle) / width)) / first


def tailed(dice: random.Random, sigma: float, count: int) -> list[float]:
    """Log-normal, a twentieth of it twice as wide: some batches are odd."""
    return [math.exp(dice.gauss(0, sigma * (2 if dice.random() < 0.05 else 1))) for _ in range(count)]


def remembering(dice: random.Random, sigma: float, count: int) -> list[float]:
    """First-order autoregressive: neighbouring batches are alike, as in data that is sorted or logged as a mean."""
    memory, now, factors = dice.uniform(0.1, 0.35), 0.0, list[float]()
    for _ in range(count):
        now = memory * now + dice.gauss(0, sigma) * (1 - memory**2) ** 0.5
        factors.append(max(0.05, 1 + now))
    return factors


def constant(dice: random.Random) -> Shape:
    warm = dice.uniform(0.01, 0.15)
    return lambda done: min(1.0, done / warm)


def stable_decay(dice: random.Random) -> Shape:
    decay, least = dice.uniform(0.2, 0.5), dice.choice([0.0, 0.05])
    return lambda done: 1.0 if done < 1 - decay else least + (1 - least) * (1 - done) / decay


def polynomial(dice: random.Random) -> Shape:
    exponent = dice.uniform(1.2, 2.0)
    return lambda done: (1 - done) ** exponent


def restarts(dice: random.Random) -> Shape:
    cycles = dice.randint(2, 3)
    return lambda done: 0.5 * (1 + math.cos(math.pi * ((cycles * done) % 1.0 if done < 1 else 1.0)))


STYLE = Style(
    decays=(stretched, two_speeds, delayed),
    noises=(tailed, remembering),
    schedules=(constant, stable_decay, polynomial, restarts),
    start=(0.9, 11.0),
    gain=(0.13, 0.9),
    steps=(60, 20_000),
    logged=(10, 350),
    evaluated=(3, 25),
    noise=(0.003, 0.1),
    eval_noise=(0.0003, 0.005),
    peak=(-5.5, -2),
    defects={
        "slow_gain": (0.018, 0.062),
        "eval_rise": (0.035, 1.5),
        "best_at": (0.15, 0.75),
        "blow_up": (1.25, 8.0),
        "collapse": (0.85, 5.0),
        "collapse_at": (0.58, 0.92),
        "spike": (1.9, 12.0),
        "swing": (0.13, 0.5),
        "exhausted_at": (0.15, 0.8),
        "confidence_gap": (0.19, 0.4),
        "limited": (0.3, 0.82),
    },
)


def held_out(times: float = 1.0) -> list[Labelled]:
    return curves(STYLE, SEED, times)
