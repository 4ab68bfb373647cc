"""What chance does to means, against textbooks' figures."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.chance import chance
from analysis.flattery import _posterior_means
from analysis.seed_model import residuals, seed_model
from analysis.studentized_range import quantile, quantiles
from analysis.unequal_spread import unequal


# Tables of the studentized range, e.g. Scheffé, The Analysis of Variance, p. 434.
@pytest.mark.parametrize(
    ("count", "df", "wanted"),
    [(2, 1, 17.97), (3, 2, 8.33), (5, 4, 6.29), (10, 20, 5.01), (3, 60, 3.40), (10, 1e9, 4.47)],
)
def test_the_studentized_range(count: int, df: float, wanted: float) -> None:
    assert quantile(count, df, 0.95) == pytest.approx(wanted, abs=0.006)


def test_many_degrees_of_freedom_are_interpolated_towards_ties() -> None:
    df = np.geomspace(1, 500, 100)
    some = slice(0, 100, 9)
    exact = np.array([quantile(4, float(value)) for value in df[some]])
    found = quantiles(4, df)[some]
    assert (found > exact * (1 - 1e-3)).all() and (found < exact * 1.04).all()


def test_a_balanced_table_has_the_residuals_of_two_way_analysis() -> None:
    table = np.random.default_rng(0).normal(size=(4, 3))
    rest, df = residuals(table)
    two_way = table - table.mean(1, keepdims=True) - table.mean(0, keepdims=True) + table.mean()
    assert np.allclose(rest, two_way) and df == 6


def test_what_the_model_fits_exactly_tells_nothing() -> None:
    nan = np.nan
    table = np.array([[1.0, 2.0, nan], [1.5, 2.6, nan], [nan, 3.0, nan], [1.0, nan, 9.0]])
    rest, df = residuals(table)
    assert df == 1 and not rest[2:].any()


def test_seeds_that_do_the_same_to_all_leave_few_degrees_of_freedom() -> None:
    rng = np.random.default_rng(1)
    own = rng.normal(size=(20, 3))
    alone, common = seed_model(own), seed_model(own + 20 * rng.normal(size=3))
    assert alone is not None and common is not None
    assert alone.df > 20 and common.df < 2.5 and common.paired == pytest.approx(alone.paired)


def test_two_configurations_are_compared_by_paired_differences() -> None:
    table = np.array([[1.0, 2.0, 3.5], [1.3, 2.4, 3.6]])
    found = chance(table)
    assert found is not None
    differences = table[1] - table[0]
    assert found.pair_variance[0, 1] == pytest.approx(differences.var(ddof=1) / 3)
    assert found.pair_df[0, 1] == pytest.approx(2)


def test_who_spreads_further_is_seen_beneath_what_seeds_do_to_all() -> None:
    rng = np.random.default_rng(2)
    table = rng.normal(size=(8, 5)) + 30 * rng.normal(size=5)
    assert not unequal(table).any()
    table[3] += 15 * np.array([1, -1, 1, -1, 0.5])
    assert list(np.flatnonzero(unequal(table))) == [3]


def test_equal_means_are_drawn_together_and_distant_ones_stay() -> None:
    close, far = np.array([0.9, 1.0, 1.05, 1.1]), np.array([0.0, 1.0, 2.0, 3.0])
    variances = np.full(4, 0.01)
    assert _posterior_means(close, variances)[0] == pytest.approx(close.mean(), abs=0.03)
    assert _posterior_means(far, variances)[0] == pytest.approx(0, abs=0.01)
