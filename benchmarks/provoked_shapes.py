"""What goes wrong in a run, done to a synthetic one; each comes with what must and what may be said of it."""

from __future__ import annotations

import dataclasses
import math
import random
from collections.abc import Callable, Mapping

from analysis.curve import Curve, Points
from benchmarks.labelled_curves import Labelled
from benchmarks.synthetic_curves import Plan, Shape, Style, drawn, measured, record, sparser

Draw = Callable[[random.Random, Style], Labelled]

BESIDE = frozenset({"learning", "still_improving"})
"""What a run may do besides what is wrong with it."""

NAN = math.nan


def healthy(dice: random.Random, style: Style) -> Labelled:
    plan = drawn(dice, style)
    curve = sparser(dice, record(dice, plan))
    expected, allowed = ending(plan, curve)
    return Labelled(curve, {"learning", *expected}, allowed)


def healthy_labelled(dice: random.Random, style: Style) -> Labelled:
    plan = drawn(dice, style)
    top, both = dice.uniform(0.7, 0.95), dice.uniform(0.5, 0.85)
    rising = _towards(plan, 0.4, top)
    curve = measured(
        dice,
        record(dice, plan),
        accuracy=rising,
        macro_f1=lambda done: rising(done) - 0.05,
        predicted_share=lambda done: 0.9 - 0.5 * min(1.0, 3 * done),
        confidence=lambda done: rising(done) + 0.04,
        minority_precision=lambda done: both + 0.01,
        minority_recall=lambda done: both,
    )
    expected, allowed = ending(plan, curve)
    return Labelled(curve, {"learning", *expected}, allowed)


def ending(plan: Plan, curve: Curve) -> tuple[set[str], set[str]]:
    """Says whether a run is still improving, from what it truly is: 3 % in the last quarter must be said, 1 % may."""
    shape = plan.evals if len(curve.evals) >= 3 else plan.train
    fall = (shape(0.75) - shape(1.0)) / shape(1.0)
    return ({"still_improving"}, set()) if fall >= 0.03 else (set(), {"still_improving"} if fall > 0.01 else set())


def no_meaningful_learning(dice: random.Random, style: Style) -> Labelled:
    plan = drawn(dice, style, gain=dice.uniform(-0.002, 0.006))
    quiet = dataclasses.replace(plan, noise=min(plan.noise, 0.05), norm=lambda done: 0.05)
    return Labelled(sparser(dice, record(dice, quiet)), {"no_meaningful_learning"})


def underfitting(dice: random.Random, style: Style) -> Labelled:
    gain, start = dice.uniform(*style.defects["slow_gain"]), dice.uniform(*style.start)
    plan, bend = drawn(dice, style), dice.uniform(0.7, 1.3)
    slow = dataclasses.replace(
        plan,
        train=lambda done: start * (1 - gain * done**bend),
        evals=lambda done: 1.02 * start * (1 - 0.9 * gain * done**bend),
        noise=min(plan.noise, 0.05),
    )
    return Labelled(record(dice, slow), {"underfitting"}, {"still_improving"})


def overfitting(dice: random.Random, style: Style) -> Labelled:
    plan, rise = drawn(dice, style), dice.uniform(*style.defects["eval_rise"])
    best = dice.uniform(*style.defects["best_at"])

    def evals(done: float) -> float:
        return plan.evals(min(done, best)) * (1 + rise * max(0.0, done - best) / (1 - best))

    gain = max(0.35, 1 - plan.train(1.0) / plan.train(0.0))
    falling = dataclasses.replace(
        plan,
        evals=evals,
        train=lambda done: plan.train(0.0) * (1 - gain * (0.5 * (1 - math.exp(-6 * done)) + 0.5 * done)),
        evaluated=max(5, plan.evaluated),
        logged=max(12, plan.logged),
    )
    return Labelled(record(dice, falling), {"overfitting"})


def stalled(dice: random.Random, style: Style) -> Labelled:
    plan, since = drawn(dice, style), dice.uniform(0.2, 0.45)
    gain = dice.uniform(0.6, 0.95)
    falling = dataclasses.replace(
        plan,
        evals=lambda done: plan.evals(0.0) * (1 - 0.3 * min(1.0, done / since)),
        train=lambda done: plan.train(0.0) * (1 - gain * done),
        evaluated=max(7, plan.evaluated),
        logged=max(20, plan.logged),
        eval_noise=min(plan.eval_noise, 0.002),
    )
    return Labelled(record(dice, falling), {"overfitting"})


def not_finite(dice: random.Random, style: Style) -> Labelled:
    curve = record(dice, drawn(dice, style))
    since, bad = dice.uniform(0.1, 0.95) * (curve.steps or 1), dice.choice([NAN, math.inf])
    if dice.random() < 0.3:
        kept = dataclasses.replace(curve, losses=_until(curve.losses, since), evals=_until(curve.evals, since))
        return Labelled(dataclasses.replace(kept, outcome="diverged"), {"diverged"}, {"lr_exhausted"})
    spoiled = dataclasses.replace(
        curve, losses=_spoiled(curve.losses, since, bad), evals=_spoiled(curve.evals, since, bad)
    )
    return Labelled(spoiled, {"diverged"})


def blown_up(dice: random.Random, style: Style) -> Labelled:
    plan, at = drawn(dice, style), dice.uniform(0.05, 0.4)
    level = plan.train(0.0) * dice.uniform(*style.defects["blow_up"])
    return Labelled(record(dice, _jumping(plan, at, level)), {"diverged"})


def late_collapse(dice: random.Random, style: Style) -> Labelled:
    plan, at = drawn(dice, style, gain=dice.uniform(0.35, 0.8)), dice.uniform(*style.defects["collapse_at"])
    level = plan.train(0.0) * dice.uniform(*style.defects["collapse"])
    return Labelled(record(dice, _jumping(plan, at, level)), {"late_collapse"})


def _jumping(plan: Plan, at: float, level: float) -> Plan:
    """Returns a run whose loss leaves for another level within 3 % of the steps."""

    def jumped(shape: Shape) -> Shape:
        return lambda done: shape(done) + max(0.0, level - shape(done)) * min(1.0, max(0.0, done - at) / 0.03)

    return dataclasses.replace(
        plan,
        train=jumped(plan.train),
        evals=jumped(plan.evals),
        logged=max(25, plan.logged),
        evaluated=max(5, plan.evaluated),
    )


def spiky(dice: random.Random, style: Style) -> Labelled:
    plan = drawn(dice, style)
    plan = dataclasses.replace(plan, logged=max(20, plan.logged), noise=min(plan.noise, 0.1))
    curve, losses = record(dice, plan), []
    count = len(curve.losses)
    chosen = set(dice.sample(range(6, count - 2), min(count // 8, dice.randint(1, 6))))
    for at, (step, loss) in enumerate(curve.losses):
        times = dice.uniform(*style.defects["spike"]) if at in chosen else 1.0
        floor = 0.25 * plan.train(0.0) if at in chosen else 0.0
        losses.append((step, loss * times + floor))
    return Labelled(dataclasses.replace(curve, losses=tuple(losses)), {"spiky", "learning"}, {"still_improving"})


def wild_norm(dice: random.Random, style: Style) -> Labelled:
    plan = drawn(dice, style)
    curve = record(dice, dataclasses.replace(plan, logged=max(20, plan.logged)))
    chosen = set(dice.sample(range(6, len(curve.grad_norms)), 3))
    times = [dice.uniform(15, 80) if at in chosen else 1.0 for at in range(len(curve.grad_norms))]
    norms = tuple((step, norm * factor) for (step, norm), factor in zip(curve.grad_norms, times, strict=True))
    return Labelled(dataclasses.replace(curve, grad_norms=norms), {"spiky", "learning"}, {"still_improving"})


def oscillating(dice: random.Random, style: Style) -> Labelled:
    plan, cycles = drawn(dice, style, gain=dice.uniform(0.15, 0.5)), dice.randint(4, 7)
    swing, phase = dice.uniform(*style.defects["swing"]), dice.uniform(0, 6)

    def swung(shape: Shape) -> Shape:
        return lambda done: (
            shape(done) * (1 + swing * min(1.0, 8 * done) * math.sin(2 * math.pi * cycles * done + phase))
        )

    evaluated = dice.choice([4, 4 * cycles])
    plan = dataclasses.replace(plan, train=swung(plan.train), evals=swung(plan.evals), evaluated=evaluated)
    plan = dataclasses.replace(plan, logged=max(12 * cycles, plan.logged), noise=min(plan.noise, 0.06))
    plan = dataclasses.replace(plan, steps=max(plan.steps, plan.logged))
    beside = {*BESIDE, "overfitting"} if evaluated == 4 else BESIDE
    return Labelled(record(dice, plan), {"oscillating"}, beside)


def dead_gradient(dice: random.Random, style: Style) -> Labelled:
    if dice.random() < 0.6:
        plan = dataclasses.replace(drawn(dice, style, gain=0.0), norm=lambda done: 0.0)
        quiet = dataclasses.replace(plan, noise=min(plan.noise, 0.03), eval_noise=0.0)
        return Labelled(record(dice, quiet), {"dead_gradient", "no_meaningful_learning", "stagnant_evaluation"})
    plan, since = drawn(dice, style), dice.uniform(0.2, 0.7)
    died = dataclasses.replace(
        plan,
        train=lambda done: plan.train(min(done, since)),
        evals=lambda done: plan.evals(min(done, since)),
        norm=lambda done: 0.0 if done > since else plan.norm(done),
        logged=max(12, plan.logged),
    )
    return Labelled(record(dice, died), {"dead_gradient"}, {"stagnant_evaluation", *BESIDE})


def stagnant_evaluation(dice: random.Random, style: Style) -> Labelled:
    plan = drawn(dice, style)
    since = dice.choice([0.0, dice.uniform(0.2, 0.4)])
    still = dataclasses.replace(plan, evals=lambda done: plan.evals(min(done, since)), eval_noise=0.0)
    still = dataclasses.replace(still, evaluated=max(6 if since else 2, plan.evaluated))
    return Labelled(record(dice, still), {"stagnant_evaluation"}, BESIDE)


def lr_exhausted(dice: random.Random, style: Style) -> Labelled:
    plan, ends = drawn(dice, style), dice.uniform(*style.defects["exhausted_at"])
    early = dataclasses.replace(plan, rate=lambda done: plan.rate(min(1.0, done / ends)) if done < ends else 1e-5)
    early = dataclasses.replace(early, logged=max(10, plan.logged))
    expected, allowed = ending(plan, record(dice, plan))
    return Labelled(record(dice, early), {"lr_exhausted", "learning", *expected}, allowed)


def still_improving(dice: random.Random, style: Style) -> Labelled:
    plan, gain = drawn(dice, style), dice.uniform(0.3, 0.6)
    start, bend = dice.uniform(*style.start), dice.uniform(0.8, 1.2)
    falling = dataclasses.replace(
        plan,
        train=lambda done: start * (1 - gain * done**bend),
        evals=lambda done: 1.03 * start * (1 - 0.9 * gain * done**bend),
    )
    curve = record(dice, falling)
    return Labelled(
        curve if dice.random() < 0.7 else dataclasses.replace(curve, losses=()), {"learning", "still_improving"}
    )


def class_collapse(dice: random.Random, style: Style) -> Labelled:
    plan, one = drawn(dice, style), dice.uniform(0.93, 1.0)
    accuracy = dice.uniform(0.2, 0.75)
    curve = measured(
        dice,
        record(dice, plan),
        accuracy=lambda done: accuracy,
        macro_f1=lambda done: accuracy / (1 + accuracy),
        predicted_share=lambda done: 0.5 + (one - 0.5) * min(1.0, 3 * done),
        confidence=lambda done: accuracy + 0.05,
    )
    return Labelled(curve, {"class_collapse"}, BESIDE)


def skewed(dice: random.Random, style: Style) -> Labelled:
    """A data set of which nearly all rows have one label, and a run that finds the others."""
    plan = drawn(dice, style)
    curve = measured(
        dice,
        record(dice, plan),
        accuracy=lambda done: 0.97,
        macro_f1=lambda done: 0.8,
        predicted_share=lambda done: 0.95,
        confidence=lambda done: 0.98,
    )
    expected, allowed = ending(plan, curve)
    return Labelled(curve, {"learning", *expected}, allowed)


def over_confident(dice: random.Random, style: Style) -> Labelled:
    plan, gap = drawn(dice, style), dice.uniform(*style.defects["confidence_gap"])
    top = dice.uniform(0.5, 0.95 - gap)
    curve = measured(
        dice,
        record(dice, plan),
        accuracy=_towards(plan, 0.35, top),
        confidence=lambda done: min(0.99, _towards(plan, 0.35, top)(done) + gap * min(1.0, 2 * done)),
    )
    return Labelled(curve, {"over_confident"}, BESIDE)


def recall_limited(dice: random.Random, style: Style) -> Labelled:
    return _limited(dice, style, "recall", "precision")


def precision_limited(dice: random.Random, style: Style) -> Labelled:
    return _limited(dice, style, "precision", "recall")


def _limited(dice: random.Random, style: Style, low: str, high: str) -> Labelled:
    plan, level = drawn(dice, style), dice.uniform(0.45, 0.95)
    under = level * dice.uniform(*style.defects["limited"])
    shapes: Mapping[str, Shape] = {f"minority_{low}": lambda done: under, f"minority_{high}": lambda done: level}
    return Labelled(measured(dice, record(dice, plan), **shapes), {f"{low}_limited"}, BESIDE)


def _towards(plan: Plan, first: float, top: float) -> Shape:
    whole = plan.evals(0.0) - plan.evals(1.0)
    return lambda done: first + (top - first) * (plan.evals(0.0) - plan.evals(done)) / whole


def _until(points: Points, step: float) -> Points:
    return tuple(point for point in points if point[0] <= step) or points[:1]


def _spoiled(points: Points, since: float, bad: float) -> Points:
    return tuple((step, bad if step >= since else value) for step, value in points)


FAMILIES: Mapping[str, tuple[Draw, int]] = {
    "healthy": (healthy, 100),
    "healthy, labelled data": (healthy_labelled, 20),
    "healthy, skewed labels": (skewed, 10),
    "no meaningful learning": (no_meaningful_learning, 20),
    "underfitting": (underfitting, 20),
    "overfitting": (overfitting, 20),
    "overfitting, stalled": (stalled, 10),
    "not finite": (not_finite, 12),
    "blown up": (blown_up, 12),
    "late collapse": (late_collapse, 20),
    "spiky": (spiky, 16),
    "wild gradient norm": (wild_norm, 8),
    "oscillating": (oscillating, 20),
    "dead gradient": (dead_gradient, 20),
    "stagnant evaluation": (stagnant_evaluation, 20),
    "learning rate exhausted": (lr_exhausted, 20),
    "still improving": (still_improving, 20),
    "class collapse": (class_collapse, 15),
    "over-confident": (over_confident, 15),
    "recall-limited": (recall_limited, 15),
    "precision-limited": (precision_limited, 15),
}
"""How each is drawn, and how many of it make a set."""


def curves(style: Style, seed: int, times: float = 1.0) -> list[Labelled]:
    """Draws a set: each family's curves, `times` as many, always the same for a seed."""
    found = []
    for name, (draw, count) in FAMILIES.items():
        dice = random.Random(f"{seed} {name}")
        found += [draw(dice, style)._replace(family=name) for _ in range(max(1, round(times * count)))]
    return found
