"""Factors whose effects a design cannot tell apart, because their levels came together."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from operator import itemgetter

import numpy as np

from analysis.patterns.design import Design, nothing
from analysis.patterns.factors import Factor
from analysis.patterns.pattern import Limit
from analysis.patterns.split import Floats, Split

NEARLY = 10.0
"""Variance inflation from which factors are nearly confounded: others say nine tenths of what one says (Marquardt,
1970; Kutner et al., Applied Linear Statistical Models, 10.5)."""

ROUNDING = 1e-7


def groups(design: Design) -> list[tuple[int, ...]]:
    """Returns the sets of factors that are inseparable, by their indices, each in its order."""
    blind = _sparse(nothing(design.matrix))
    found: list[set[int]] = []
    for vector in blind:
        own, at = set(), 1
        for block in design.blocks[: len(design.splits)]:
            width = block.columns.shape[1]
            if np.abs(vector[at : at + width]).max(initial=0.0) > ROUNDING:
                own.add(block.of[0])
            at += width
        joined = [group for group in found if group & own]
        found = [group for group in found if not group & own] + [own.union(*joined)]
    return [tuple(sorted(group)) for group in found]


def _sparse(vectors: Floats) -> Floats:
    """Returns a basis with as many zeros as elimination makes, a row each."""
    rows = vectors.T.copy()
    done = 0
    for column in reversed(range(rows.shape[1])):
        if done == len(rows):
            break
        pivot = done + int(np.abs(rows[done:, column]).argmax())
        if abs(rows[pivot, column]) < ROUNDING:
            continue
        rows[[done, pivot]] = rows[[pivot, done]]
        rows[done] /= rows[done, column]
        others = [at for at in range(len(rows)) if at != done]
        rows[others] -= np.outer(rows[others, column], rows[done])
        done += 1
    return np.asarray(rows)


def confounded(design: Design, factors: Sequence[Factor]) -> list[Limit]:
    """Names what is inseparable, and what nearly is."""
    found = groups(design)
    limits = [_inseparable(group, design.splits, factors) for group in found]
    exact = {at for group in found for at in group}
    return limits + list(_nearly(design, factors, exact))


def _inseparable(group: Sequence[int], splits: Sequence[Split], factors: Sequence[Factor]) -> Limit:
    keys = [factors[at].key for at in group]
    telling = sorted(_facts(group, splits, factors), reverse=True, key=itemgetter(0))
    facts = [words for _, words in telling[:_MOST_FACTS]]
    why = "; ".join(facts) if facts else "the levels of each follow from those of the others in the configurations run"
    return Limit("confounded", keys[0], f"{_and(keys)} cannot be separated: {why}")


_MOST_FACTS = 4


def _facts(group: Sequence[int], splits: Sequence[Split], factors: Sequence[Factor]) -> Iterator[tuple[float, str]]:
    """Yields levels of one that came with one level of another only, and how many more that are than by its share."""
    for one, other in itertools.permutations(group, 2):
        for level, words in enumerate(splits[one].words):
            beside = set(splits[other].at[splits[one].at == level].tolist())
            if len(beside) == 1:
                only = beside.pop()
                more = splits[one].counts[level] * (1 - splits[other].counts[only] / len(splits[other].at))
                fact = (
                    f"{factors[one].key}={words} completed only with {factors[other].key}={splits[other].words[only]}"
                )
                yield float(more), fact


def _nearly(design: Design, factors: Sequence[Factor], exact: set[int]) -> Iterator[Limit]:
    told: set[int] = set()
    for at, factor in enumerate(factors):
        if at in exact or at in told or (inflation := _inflation(design, at)) < NEARLY:
            continue
        partner, strength = _partner(design.splits, at)
        told |= {at, partner}
        together = f"most with {factors[partner].key} (Cramér's V {strength:.2f})" if strength > 0.5 else "with several"
        sentence = (
            f"{factor.key} is nearly confounded, {together}: what the others already say widens its variance "
            f"{inflation:.0f} times"
        )
        yield Limit("confounded", factor.key, sentence)


def _inflation(design: Design, at: int) -> float:
    """Returns how many times larger a factor's variance is than if the others were balanced.

    That is 1 / (1 - the squared canonical correlation): of two levels the usual variance inflation factor.
    """
    own = design.blocks[at].columns
    others = np.hstack([np.ones((len(own), 1)), *(block.columns for block in design.blocks if block.of != (at,))])
    own = _basis(own - own.mean(axis=0))
    correlations = np.linalg.svd(_basis(others - others.mean(axis=0)).T @ own, compute_uv=False)
    return float(1 / max(1 - correlations.max(initial=0.0) ** 2, 1e-12))


def _basis(columns: Floats) -> Floats:
    vectors, sizes, _ = np.linalg.svd(columns, full_matrices=False)
    return np.asarray(vectors[:, sizes > 1e-8 * max(sizes.max(initial=0.0), 1e-300)])


def _partner(splits: Sequence[Split], at: int) -> tuple[int, float]:
    """Returns the factor that went with it most, and Cramér's V of the two."""
    others = [(cramer(splits[at], splits[other]), other) for other in range(len(splits)) if other != at]
    strength, other = max(others)
    return other, strength


def cramer(one: Split, other: Split) -> float:
    """Returns Cramér's V: 0 for two factors whose levels are independent, 1 where one follows from the other."""
    table = np.zeros((len(one.values), len(other.values)))
    np.add.at(table, (one.at, other.at), 1)
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    chi = float(((table - expected) ** 2 / expected).sum())
    return float(np.sqrt(chi / table.sum() / (min(table.shape) - 1)))


def _and(keys: Sequence[str]) -> str:
    return " and ".join([", ".join(keys[:-1]), keys[-1]]) if len(keys) > 1 else keys[0]
