"""Schedules that are ours: the range test, and decay as a share of the run."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trainers import sft
from trainers.registry import Resources
from trainers.seam import Began, Event, GoOn, Logged, Rung, Start, Stop
from trainers.trial import TrialConfig


@pytest.fixture
def config(micro_trial: Callable[..., TrialConfig]) -> TrialConfig:
    return micro_trial(learning_rate=1e-2, max_steps=10, eval_steps=5, logging_steps=1)


def run(config: TrialConfig, folder: Path) -> list[Event]:
    trainer, commands, events = sft.make(Resources()), [Start("t", config, str(folder))], []
    while commands:
        new = list(trainer.advance(commands))  # type: ignore[arg-type]
        events += new
        began = next(event for event in events if isinstance(event, Began))
        ends = isinstance(new[-1], Rung) and new[-1].step >= began.steps
        commands = [(Stop if ends else GoOn)("t")] if isinstance(new[-1], Rung) else []  # type: ignore[list-item]
    return events


def rates(events: list[Event]) -> list[float]:
    return [event.values["learning_rate"] for event in events if isinstance(event, Logged)]


def changed(config: TrialConfig, **training: Any) -> TrialConfig:
    return dataclasses.replace(config, training=dataclasses.replace(config.training, **training))


def test_a_range_test_rises_exponentially_to_the_learning_rate(config: TrialConfig, tmp_path: Path) -> None:
    found = rates(run(changed(config, lr_scheduler_type="range_test", lr_scheduler_kwargs={"start": 1e-5}), tmp_path))
    assert found[0] == pytest.approx(1e-5) and found[-1] == pytest.approx(1e-2)
    factors = [later / earlier for earlier, later in itertools.pairwise(found)]
    assert factors == pytest.approx([1000 ** (1 / 9)] * 9, rel=1e-6)


@pytest.mark.parametrize("share", [0.2, 0.5])
def test_a_share_of_the_run_decays(config: TrialConfig, tmp_path: Path, share: float) -> None:
    kwargs = {"decay_share": share, "min_lr_ratio": 0.0}
    asked = changed(config, lr_scheduler_type="warmup_stable_decay", lr_scheduler_kwargs=kwargs)
    found = rates(run(asked, tmp_path))
    stable = [rate for rate in found if rate == pytest.approx(1e-2)]
    assert len(stable) == 10 - round(10 * share) + 1  # decay begins at the full rate


@pytest.mark.parametrize(("stop_at", "steps"), [(0.35, 4), (3, 3), (25, 10), (1, 1)])
def test_a_run_that_is_cut_short_keeps_the_whole_runs_schedule(
    config: TrialConfig, tmp_path: Path, stop_at: float, steps: int
) -> None:
    whole = rates(run(config, tmp_path))
    events = run(changed(config, stop_at=stop_at), tmp_path)
    assert rates(events) == whole[:steps]
    assert [event.step for event in events if isinstance(event, Rung)][-1] == steps


def test_the_rate_drops_after_evaluations_without_improvement(config: TrialConfig, tmp_path: Path) -> None:
    """A threshold that nothing can pass: every evaluation but the first is one without improvement."""
    kwargs = {"patience": 1, "factor": 0.5, "threshold": 0.99}
    plateau = {"lr_scheduler_type": "reduce_lr_on_plateau", "lr_scheduler_kwargs": kwargs}
    found = rates(run(changed(config, **plateau, max_steps=12, eval_steps=2), tmp_path))
    # Evaluations at 2, 4, 6, 8, 10: the first sets the mark, 4 is borne, 6 halves; 8 is borne, 10 halves.
    assert found == pytest.approx([1e-2] * 6 + [5e-3] * 4 + [2.5e-3] * 2)


def test_the_rate_stays_while_evaluations_improve(config: TrialConfig, tmp_path: Path) -> None:
    kwargs = {"patience": 0, "threshold": 0.0}
    plateau = {"lr_scheduler_type": "reduce_lr_on_plateau", "lr_scheduler_kwargs": kwargs, "warmup_steps": 3}
    events = run(changed(config, **plateau, learning_rate=1e-3, max_steps=6, eval_steps=2), tmp_path)
    losses = [event.values["eval_loss"] for event in events if isinstance(event, Rung)]
    assert losses == sorted(losses, reverse=True)
    assert rates(events) == pytest.approx([1e-3] * 6)  # from the first step on: it has no warm-up
