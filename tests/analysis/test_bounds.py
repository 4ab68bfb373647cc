"""What curves are held against, wherever it is said."""

from __future__ import annotations

import pytest

from analysis.bounds import KEYS, Bounds, bounds, read
from analysis.report_error import ReportError


def test_what_is_typed_goes_before_what_was_recorded_and_that_before_the_defaults() -> None:
    recorded = {"thresholds": {"spike": 2.5, "swings": 5}, "criteria": {"loss_drop": 0.1}}
    found = bounds(recorded, read(["thresholds.spike=3", "diagnosis.criteria.optimal_perplexity=9"]))
    assert (found.thresholds.spike, found.thresholds.swings) == (3.0, 5)
    assert (found.criteria.loss_drop, found.criteria.optimal_perplexity) == (0.1, 9.0)
    assert bounds({}) == Bounds() and bounds({"thresholds": {"gone": 1.0}}) == Bounds()


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("thresholds.spkie=2", "try: --set thresholds.spike=VALUE"),
        ("spike=2", "there is no such bound"),
        ("thresholds.spike=high", "a number of at least 0"),
        ("thresholds.spike=-1", "a number of at least 0"),
        ("thresholds.spike=nan", "a number of at least 0"),
        ("thresholds.swings=2.5", "a whole number"),
        ("thresholds.spike", "a number"),
    ],
)
def test_a_wrong_bound_is_refused_with_a_remedy(typed: str, told: str) -> None:
    with pytest.raises(ReportError, match=told.replace(".", r"\.")):
        read([typed])


def test_every_bound_can_be_set_to_its_default() -> None:
    assert bounds({}, read([f"{key}={item.default}" for key, item in KEYS.items()])) == Bounds()
