"""The playbook's first links on published sweeps: the promise of the README, and how a walk goes."""

from __future__ import annotations

import statistics
from pathlib import Path

from benchmarks.lr_rank import by_hand, chain, conducted, grids, noise


def test_the_links_cost_little_and_end_near_the_best(tmp_path: Path) -> None:
    every = grids()
    assert len(every) == 35
    (tmp_path / "c").mkdir()
    procedures = chain(tmp_path / "c")
    found = []
    for number, grid in enumerate(every):
        (folder := tmp_path / str(number)).mkdir()
        found.append(conducted(grid, procedures, folder))
    costs, regrets = zip(*found, strict=True)
    assert statistics.fmean(costs) <= 0.45 and statistics.fmean(regrets) <= 0.0008
    whole = [by_hand(grid, again=True) for grid in every]
    assert statistics.fmean(costs) < statistics.fmean(cost for cost, _ in whole) - 0.05


def test_the_assumed_noise_is_that_of_runs_that_were_repeated() -> None:
    assert 0.001 < noise(grids()) < 0.004
