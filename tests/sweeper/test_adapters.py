"""Which adapters stay on disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from sweeper.adapters import Adapters
from sweeper.decisions import Objective
from sweeper.history import REFERENCE, Trial
from sweeper.paths import SweepPaths
from sweeper.settings import Sweep

ENDS = [(2.0, "complete"), (1.0, "pruned"), (1.0, "complete"), (3.0, "complete"), (1.0, "complete"), (0.5, "diverged")]


def trial(number: int, value: float, outcome: str) -> Trial:
    return Trial(f"t{number}", number, {}, {}, rungs=[(10, {"eval_loss": value})], outcome=outcome)


@pytest.mark.parametrize(
    ("keep", "direction", "left"),
    [
        ("top:3", "minimize", {"t0", "t2", "t4"}),
        ("top:2", "minimize", {"t2", "t4"}),
        ("best", "minimize", {"t2"}),  # the first among equals
        ("best", "maximize", {"t3"}),
        ("none", "minimize", set()),
        ("all", "minimize", {"t0", "t1", "t2", "t3", "t4", "t5"}),
    ],
)
@pytest.mark.parametrize("restored", range(len(ENDS) + 1))
def test_the_best_stay(tmp_path: Path, keep: str, direction: str, left: set[str], restored: int) -> None:
    """However many of the trials had ended before the sweep was continued."""
    paths, objective = SweepPaths(tmp_path), Objective("eval_loss", direction)  # type: ignore[arg-type]
    trials = [trial(number, *end) for number, end in enumerate(ENDS)]
    kept = Sweep(keep_adapters=keep).kept_adapters
    for part, before in ((trials[:restored], []), (trials[restored:], trials[:restored])):
        view = Adapters(before, objective, paths, kept)
        for item in part:
            paths.adapter(item.id).mkdir(parents=True)
            view.apply({"event": "ended"}, item)
    assert {item.id for item in trials if paths.adapter(item.id).exists()} == left


def test_a_reference_displaces_nobody(tmp_path: Path) -> None:
    paths = SweepPaths(tmp_path)
    view = Adapters([], Objective("eval_loss", "minimize"), paths, 1)
    paths.adapter("t0").mkdir(parents=True)
    view.apply({"event": "ended"}, trial(0, 2.0, "complete"))
    view.apply({"event": "ended"}, trial(REFERENCE, 0.1, "complete"))
    assert paths.adapter("t0").exists()
