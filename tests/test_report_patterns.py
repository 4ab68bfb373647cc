"""The benchmark of the report's patterns, on a few of its sweeps."""

from __future__ import annotations

from benchmarks.report_patterns import covered, named, seen
from benchmarks.synthetic_sweeps import Scenario, aliased, full_grid, sampled


def test_intervals_hold_about_as_often_as_they_say() -> None:
    _, means, differences, stated, _ = covered(Scenario("grid", full_grid(seeds=2)), range(5000, 5020))
    assert 85 < float(means.rstrip("%")) <= 100
    assert 85 < float(differences.rstrip("%")) <= 100
    assert stated == "100%"


def test_no_interval_is_stated_where_survivors_were_chosen() -> None:
    assert covered(Scenario("pruned", sampled(40, pruned=0.25)), [5000])[1:4] == ["", "", "0%"]


def test_nothing_is_mostly_seen_as_nothing() -> None:
    _, false, _, _, _ = seen(Scenario("grid", full_grid(size=0.0)), range(5000, 5020))
    assert float(false.rstrip("%")) < 10


def test_known_confounding_is_found_and_none_on_a_grid() -> None:
    assert named(Scenario("aliased", aliased), range(5000, 5005))[1:] == ["5 of 5", "0 of 5"]
    assert named(Scenario("grid", full_grid()), range(5000, 5005))[1:] == ["0 of 0", "0 of 5"]
