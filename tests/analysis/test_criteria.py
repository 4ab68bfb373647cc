"""Document 004's criteria, on its own run and others."""

from __future__ import annotations

import math

import pytest

from analysis.criteria import Criteria, Judged, criteria_table, falling_share, judged
from analysis.curve import Curve

# 004: 2.7335 to 2.7150, gradient norm 0.0 throughout, 2.9310 at three evaluations, 45.2 % to 46.0 %.
FAILED = Curve(
    losses=tuple((step, 2.7335 - 0.0185 * step / 500) for step in range(0, 501, 25)),
    evals=((150, 2.9310), (300, 2.9310), (450, 2.9310)),
    grad_norms=tuple((step, 0.0) for step in range(25, 501, 25)),
    measured={"token_accuracy": ((150, 0.452), (300, 0.455), (450, 0.460))},
    steps=500,
)
HEALTHY = Curve(
    losses=tuple((step, 1.2 + 1.6 * math.exp(-step / 200)) for step in range(10, 1001, 10)),
    evals=((250, 2.1), (500, 1.7), (750, 1.6), (1000, 1.62)),
    grad_norms=((10, 1.0), (20, 0.0), (30, 0.5)),
    measured={"token_accuracy": ((250, 0.5), (1000, 0.58))},
)

DEFAULTS = Criteria()


def met(curve: Curve, criteria: Criteria = DEFAULTS) -> dict[tuple[str, str], bool | None]:
    return {(item.name, item.level): item.met for item in judged(curve, criteria)}


def found(curve: Curve, name: str, level: str = "minimum") -> Judged:
    return next(item for item in judged(curve) if item.name.startswith(name) and item.level == level)


def test_the_failed_run_meets_the_minimum_nowhere() -> None:
    assert not any(item.met for item in judged(FAILED) if item.name != "consistent reduction")
    assert found(FAILED, "loss drop").value == pytest.approx(0.0185)
    assert found(FAILED, "token").value == pytest.approx(0.008)
    assert found(FAILED, "perplexity", "optimal").value == pytest.approx(math.exp(2.9310))
    assert found(FAILED, "loss drop in the first 500").met is False


def test_a_loss_that_began_infinite_has_not_dropped() -> None:
    assert found(Curve(losses=((10, math.inf), (20, 2.0))), "loss drop").met is False


def test_a_healthy_run_meets_everything() -> None:
    assert all(met(HEALTHY).values())
    assert found(HEALTHY, "eval").value == pytest.approx(0.5)


def test_what_the_curve_does_not_say_is_unknown() -> None:
    assert set(met(Curve()).values()) == {None}
    assert found(Curve(evals=((50, 1.0),)), "eval").met is None


def test_a_shorter_run_may_have_dropped_enough_already() -> None:
    short = Curve(losses=((10, 3.0), (200, 2.9)))
    assert found(short, "loss drop in the first").met is None
    assert found(Curve(losses=((10, 3.0), (200, 2.7))), "loss drop in the first").met is True


def test_values_that_are_not_finite_meet_nothing() -> None:
    broken = Curve(((1, 2.0), (2, math.nan)), ((1, math.nan), (2, math.nan)), (), ((1, math.nan),))
    assert set(met(broken).values()) == {False, None}


def test_criteria_are_settings() -> None:
    easy = Criteria(loss_drop=0.01, optimal_perplexity=20)
    assert met(FAILED, easy)["loss drop", "minimum"] and met(FAILED, easy)["perplexity", "optimal"]


@pytest.mark.parametrize(
    ("values", "share"), [([4, 4, 3, 3, 2, 2, 1, 1], 1.0), ([4, 4, 3, 3, 5, 5, 1, 1], 2 / 3), ([4, 3, 2], None)]
)
def test_consistent_reduction_is_of_the_parts(values: list[float], share: float | None) -> None:
    assert falling_share(tuple(enumerate(values)), 4) == share


def test_the_table_says_what_was_wanted() -> None:
    lines = criteria_table(judged(FAILED), plain=True)
    assert len(lines) == 2 + 8
    assert [cell.strip() for cell in lines[2].split("|")[1:-1]] == [
        "loss drop",
        "minimum",
        "0.0185",
        "above 0.5",
        "not met",
    ]
