"""Which adapter a sweep names when it has ended."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ranked_rows import sweep

from analysis.leaderboard import rank
from sweeper.ending import _adapter
from sweeper.paths import SweepPaths


def named(paths: SweepPaths, *kept: str) -> dict[str, str]:
    for trial in kept:
        paths.adapter(trial).mkdir(parents=True)
    board = rank(sweep({8: {0: 1.0, 1: 1.1}, 16: {0: 0.9, 1: 1.5}}))
    assert board.winner is not None and board.winner.trial == "r8_s0"
    asked: Any = SimpleNamespace(procedure=None)
    return {name: path.parent.name for name, path in _adapter(asked, paths, board, board.winner.trial).items()}


def test_the_winners_adapter_is_named(tmp_path: Path) -> None:
    assert named(SweepPaths(tmp_path), "r16_s0", "r8_s0") == {"Best adapter": "r8_s0"}


def test_where_a_luckier_trial_displaced_it_the_one_that_is_left(tmp_path: Path) -> None:
    assert named(SweepPaths(tmp_path), "r16_s0") == {"Adapter left": "r16_s0"}


def test_none_where_none_is_kept(tmp_path: Path) -> None:
    assert named(SweepPaths(tmp_path)) == {}
