"""Several tests at once."""

from __future__ import annotations

import pytest

from analysis.patterns.holm import holm
from analysis.patterns.tukey import apart


def test_holm_multiplies_the_smallest_most_and_keeps_their_order() -> None:
    assert holm([0.01, None, 0.04, 0.03]) == [pytest.approx(0.03), None, pytest.approx(0.06), pytest.approx(0.06)]
    assert holm([]) == []


def test_tukeys_bound_is_that_of_the_tables() -> None:
    # q(0.95; 3 means, 10 degrees of freedom) = 3.877 in the published tables, over the square root of 2.
    assert not apart(3.86 / 2**0.5, 3, 10)
    assert apart(3.89 / 2**0.5, 3, 10)
    assert not apart(2.2, 2, 10)
    assert apart(2.3, 2, 10)
