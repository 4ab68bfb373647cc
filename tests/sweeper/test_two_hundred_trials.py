"""Every sampler and pruner runs a sweep of two hundred trials, interrupted on the way; no point is drawn twice."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from benchmarks.arrivals import CONF, replay, understood
from sweeper.event_log import read
from sweeper.history import History

STEPS, TRIALS = 80, 200
AXES = ("lora.r=interval(1,40)", "training.learning_rate=tag(log,interval(1e-5,1e-3))")
SAMPLERS = sorted(file.stem for file in (CONF / "sampler").glob("*.yaml"))
PRUNERS = sorted(file.stem for file in (CONF / "pruner").glob("*.yaml"))


@pytest.fixture(scope="module")
def curves(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A curve per rank; the learning rate is no column, so that every point of a continuous axis has its row."""
    lines = ["lora.r,step,eval_loss"]
    for r in range(1, 41):
        lines += [f"{r},{10 * rung},{2 + abs(r - 23) / 20 + (r * 7919 % 101) / 200 + 2 / rung}" for rung in range(1, 9)]
    path = tmp_path_factory.mktemp("curves") / "curves.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def run(folder: Path, curves: Path, *arguments: str) -> History:
    """Runs a sweep that is stopped once, and checks what holds for all of them."""
    asked = understood(curves, *arguments)
    replay(folder, asked, curves, workers=3, stop_when=lambda history: len(history.contenders) == 90)
    assert 90 <= len(History(read(folder / "events.jsonl")).contenders) < 95
    history = replay(folder, asked, curves, workers=2)
    points = Counter(repr(sorted(trial.params.items())) for trial in history.contenders)
    assert len(points) == TRIALS and set(points.values()) == {1}
    assert all(trial.outcome in {"complete", "pruned"} for trial in history.contenders)
    return history


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_samplers(tmp_path: Path, curves: Path, sampler: str) -> None:
    lists = ("lora.r=range(1,41)", "lora.dropout=0,0.03,0.05,0.1,0.2")
    axes = lists if sampler in {"grid", "auto"} else (*AXES, "sweep.n_trials=200")
    # A Gaussian process takes about a second per draw at two hundred trials.
    asked = ["+sampler.kwargs.n_startup_trials=185"] if sampler == "gp" else []
    history = run(tmp_path, curves, *axes, *asked, f"sampler={sampler}", "pruner=none")
    assert {trial.outcome for trial in history.contenders} == {"complete"}
    late = [trial.params["lora.r"] for trial in history.contenders[100:]]
    if sampler in {"tpe", "cmaes"}:
        assert sum(abs(r - 23) for r in late) / 100 < 8, "it has learned nothing"  # ten is what chance gives


@pytest.mark.parametrize("pruner", PRUNERS)
def test_pruners(tmp_path: Path, curves: Path, pruner: str) -> None:
    bound = ["pruner.kwargs.upper=4.6"] if pruner == "threshold" else []
    history = run(tmp_path, curves, *AXES, "sweep.n_trials=200", "sampler=random", f"pruner={pruner}", *bound)
    outcomes = Counter(trial.outcome for trial in history.contenders)
    stopped = [trial for trial in history.contenders if trial.outcome == "pruned"]
    assert outcomes["complete"] >= 1
    # These curves only ever fall: a patient pruner has nothing to stop.
    assert bool(stopped) == (pruner not in {"none", "patient"})
    for trial in stopped:
        assert f"at rung {len(trial.rungs)} (step {trial.last_step})" in (trial.reason or "")
        assert f"{STEPS - trial.last_step} of {STEPS} steps saved" in (trial.reason or "")
