"""Interactions: whether what one parameter does depends on another."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from analysis.patterns.design import NOTHING, Block, Design, nothing
from analysis.patterns.factors import Factor
from analysis.patterns.fit import Fit, f_tail, fit
from analysis.patterns.holm import holm
from analysis.patterns.pattern import Interaction
from analysis.patterns.seed_error import SeedError
from analysis.patterns.split import Floats

SURE = 0.02
"""Significance, after Holm's correction for all pairs, from which an interaction goes into the model."""

MOST = 3
"""Interactions that go in."""

FEWEST_DF = 5
"""Degrees of freedom of the error below which none is tested: hardly any could be seen."""

Pair = tuple[int, int]


@dataclass(frozen=True)
class Joint:
    """A model with the interactions that were found, their p by pair, and the pairs that could be tested for any."""

    fit: Fit
    found: dict[Pair, float]
    tested: tuple[Pair, ...]


@dataclass(frozen=True)
class Tested:
    """An interaction and the p of its test; `whole` is False where only evenly changing slopes could be tested."""

    block: Block
    p: float
    whole: bool


def with_joint_effects(additive: Fit, seeds: SeedError) -> Joint:
    """Adds interactions, the surest first, each tested beside those already in.

    Args:
        additive: The model without any.
        seeds: What is known of chance.
    """
    found: dict[Pair, float] = {}
    now, first = additive, _tests(additive, found, seeds)
    tests = first
    while tests and len(found) < MOST:
        corrected = dict(zip(tests, holm([test.p for test in tests.values()]), strict=True))
        best = min(tests, key=lambda pair: tests[pair].p)
        if (p := corrected[best]) is None or p >= SURE:
            break
        found[best] = p
        wider = now.design.with_block(tests[best].block)
        if not _all_means_known(wider):
            break  # some combinations are missing: it stays in what the model leaves over
        now = fit(wider, now.values, seeds)
        tests = _tests(now, found, seeds)
    return Joint(now, found, tuple(pair for pair, test in first.items() if test.whole))


def _tests(now: Fit, found: Collection[Pair], seeds: SeedError) -> dict[Pair, Tested]:
    """Returns the tests of all pairs that can be tested and are not in the model."""
    pairs = (pair for pair in itertools.combinations(range(len(now.design.splits)), 2) if pair not in found)
    return {pair: test for pair in pairs if (test := _test(now, pair, seeds)) is not None}


def _test(now: Fit, pair: Pair, seeds: SeedError) -> Tested | None:
    """Tests whatever two factors may do together or, where there is too little for that, slopes that change evenly."""
    whole = now.design.joint(*pair)
    if (p := _p(now, whole, seeds)) is not None:
        return Tested(whole, p, True)
    straight = now.design.straight(*pair)
    if straight is None or (p := _p(now, straight, seeds)) is None:
        return None
    return Tested(straight, p, False)


def _p(now: Fit, block: Block, seeds: SeedError) -> float | None:
    """Returns the p of what a block explains beside the model; None where that cannot be tested."""
    root = np.sqrt(now.weights)[:, None]
    more = block.columns * root
    basis, sizes, _ = np.linalg.svd(now.design.matrix * root, full_matrices=False)
    basis = basis[:, sizes > NOTHING * sizes[0]]
    beyond = more - basis @ (basis.T @ more)
    directions, sizes, _ = np.linalg.svd(beyond, full_matrices=False)
    directions = directions[:, sizes > 1e-6 * np.linalg.norm(more)]
    df = directions.shape[1]
    if not df:
        return None
    squares = float(((directions.T @ (now.values * root[:, 0])) ** 2).sum())
    variance, below = _error(now, squares, df, seeds)
    return None if below < FEWEST_DF or variance <= 0 else f_tail(squares / df / variance, df, below)


def _error(now: Fit, squares: float, df: int, seeds: SeedError) -> tuple[float, int]:
    """Returns the variance to test against: the seeds' where the model is too simple, else all that is left."""
    if now.error in {"left", "seeds"} and seeds.df >= FEWEST_DF:
        return seeds.squares / seeds.df, seeds.df
    left, below = max(now.left - squares, 0.0) + seeds.squares, now.left_df - df + seeds.df
    return (left / below if below else 0.0), below


def _all_means_known(design: Design) -> bool:
    """True where every level's mean can be told."""
    blind = nothing(design.matrix)
    rows = [
        design.rows({factor: level}) for factor, split in enumerate(design.splits) for level in range(len(split.values))
    ]
    return bool(np.abs(np.array(rows) @ blind).max(initial=0.0) < 1e-6)


def interactions(joint: Joint, factors: Sequence[Factor]) -> tuple[Interaction, ...]:
    """Returns the interactions that were found, with the means of their cells."""
    return tuple(_interaction(joint.fit, pair, p, factors) for pair, p in joint.found.items())


def _interaction(fitted: Fit, pair: Pair, p: float, factors: Sequence[Factor]) -> Interaction:
    one, other = pair
    splits = fitted.design.splits
    rows, columns = splits[one].words, splits[other].words
    in_model = any(block.of == pair for block in fitted.design.blocks)
    means = tuple(
        tuple(_cell(fitted, pair, (row, column), in_model) for column in range(len(columns)))
        for row in range(len(rows))
    )
    return Interaction(factors[one].key, factors[other].key, p, rows, columns, means)


def _cell(fitted: Fit, pair: Pair, levels: Pair, in_model: bool) -> float | None:
    """Returns what a combination has on average; as measured where the model does not hold it."""
    splits = fitted.design.splits
    there = (splits[pair[0]].at == levels[0]) & (splits[pair[1]].at == levels[1])
    if not there.any():
        return None
    if in_model:
        return fitted.mean(fitted.design.rows(dict(zip(pair, levels, strict=True))))
    return float(_weighted(fitted.values[there], fitted.weights[there]))


def _weighted(values: Floats, weights: Floats) -> float:
    return float((values * weights).sum() / weights.sum())
