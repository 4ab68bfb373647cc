"""Interactions: whether what one parameter does depends on another."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.patterns.design import NOTHING, Design, nothing
from analysis.patterns.factors import Factor
from analysis.patterns.fit import Fit, f_tail, fit
from analysis.patterns.holm import holm
from analysis.patterns.pattern import Interaction
from analysis.patterns.seed_error import SeedError
from analysis.patterns.split import Floats

SURE = 0.05
"""Significance, after Holm's correction for all pairs, from which an interaction goes into the model."""

MOST = 3
"""Interactions that go in."""

FEWEST_DF = 3
"""Degrees of freedom of the error below which none is tested: hardly any could be seen."""

Pair = tuple[int, int]


@dataclass(frozen=True)
class Joint:
    """A model with the interactions that were found, their p by pair, and the pairs that could be tested."""

    fit: Fit
    found: dict[Pair, float]
    tested: tuple[Pair, ...]


def with_joint_effects(additive: Fit, seeds: SeedError) -> Joint:
    """Adds interactions, the surest first, each tested beside those already in.

    Args:
        additive: The model without any.
        seeds: What is known of chance.
    """
    found: dict[Pair, float] = {}
    now, tested = additive, None
    while len(found) < MOST:
        open_pairs = [pair for pair in _pairs(now.design) if pair not in found]
        tests = {pair: p for pair in open_pairs if (p := _test(now, pair, seeds)) is not None}
        tested = tuple(tests) if tested is None else tested
        corrected = dict(zip(tests, holm(list(tests.values())), strict=True))
        best = min(tests, key=lambda pair: tests[pair], default=None)
        if best is None or (p := corrected[best]) is None or p >= SURE:
            break
        found[best] = p
        wider = now.design.with_interaction(*best)
        if _all_means_known(wider):
            now = fit(wider, now.values, seeds)
        else:
            break  # some combinations are missing: it stays in what the model leaves over
    return Joint(now, found, tested or ())


def _pairs(design: Design) -> list[Pair]:
    return list(itertools.combinations(range(len(design.splits)), 2))


def _test(now: Fit, pair: Pair, seeds: SeedError) -> float | None:
    """Returns the p of an interaction; None where it cannot be tested."""
    root = np.sqrt(now.weights)[:, None]
    matrix = now.design.matrix * root
    more = now.design.with_interaction(*pair).blocks[-1].columns * root
    basis, sizes, _ = np.linalg.svd(matrix, full_matrices=False)
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
