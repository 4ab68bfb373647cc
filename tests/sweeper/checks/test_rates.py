"""Schedules, warm-up, learning rates."""

from __future__ import annotations

from typing import Any

import pytest
from scened import only, severities

from sweeper.checks import learning_rate, schedule, warmup


@pytest.mark.parametrize(
    ("name", "kwargs", "severity", "number"),
    [
        ("cosine", {}, "note", "65 % of its peak at step 200 of 500; 31 steps (6.2 %) under 1 %"),
        ("linear", {}, "note", "60 % of its peak at step 200 of 500; 4 steps (0.8 %) under 1 %"),
        ("constant", {}, "note", "100 % of its peak at step 200 of 500; 0 steps (0.0 %)"),
        ("polynomial", {"power": 4.0}, "warning", "156 steps (31.2 %) under 1 %"),
        ("warmup_stable_decay", {"num_stable_steps": 10, "num_decay_steps": 90}, "warning", "0 % of its peak at step"),
        ("cosine_with_min_lr", {"min_lr_rate": 0.1}, "note", "0 steps (0.0 %) under 1 %"),
        ("reduce_lr_on_plateau", {}, "note", "follows what is measured"),
        ("cosine_with_min_lr", {}, "error", "no schedule can be made"),
    ],
)
def test_where_the_rate_really_is(name: str, kwargs: dict[str, Any], severity: str, number: str) -> None:
    found = only(
        schedule.check,
        training_lr_scheduler_type=name,
        training_lr_scheduler_kwargs=kwargs,
        training_warmup_steps=0,
    )
    assert found.severity == severity and number in found.number


def test_a_pilot_that_ends_within_its_warm_up_is_the_warm_ups_matter() -> None:
    short = {"training_warmup_steps": 40, "training_stop_at": 1}
    assert severities(schedule.check, **short) == ["note"]
    assert only(warmup.check, **short).remedy == "training.stop_at=80"


def test_the_longest_run_is_looked_at_in_no_time() -> None:
    found = only(schedule.check, training_lr_scheduler_type="cosine", training_max_steps=10**12)
    assert "(6.2 %) under 1 %" in found.number and "of its peak at step 400,000,000,000 of" in found.number


def test_a_run_cut_short_follows_the_whole_runs_schedule() -> None:
    found = only(schedule.check, training_warmup_steps=0, training_stop_at=100)
    assert found.number.startswith("92 % of its peak at step 40 of 100 (of a schedule for 500); 0 steps")


@pytest.mark.parametrize(
    ("set_", "found"),
    [
        ({"training_warmup_steps": 500}, ["error"]),
        ({"training_warmup_steps": 499}, ["warning"]),
        ({"training_warmup_steps": 60, "training_stop_at": 100}, ["warning"]),
        ({"training_warmup_steps": 15}, []),
        ({"training_warmup_steps": 0}, ["note"]),
        ({"training_warmup_steps": 0.03, "training_max_steps": 200}, ["warning"]),
        ({"training_warmup_steps": 10, "training_max_steps": 200}, []),
        ({"training_warmup_steps": 500, "training_lr_scheduler_type": "constant"}, []),
        ({"training_warmup_steps": 500, "training_lr_scheduler_type": "reduce_lr_on_plateau"}, []),
    ],
)
def test_warm_up(set_: dict[str, Any], found: list[str]) -> None:
    assert severities(warmup.check, **set_) == found


def test_warm_up_has_a_remedy_that_mends_it() -> None:
    short = {"training_max_steps": 60, "training_warmup_steps": 60}
    assert only(warmup.check, **short).remedy == "training.warmup_steps=10"
    assert severities(warmup.check, **{**short, "training_warmup_steps": 10}) == []


@pytest.mark.parametrize(
    ("rate", "found"),
    [(1e-5, ["warning"]), (2e-5, ["warning"]), (5e-5, ["note"]), (1e-4, []), (2e-4, []), (8e-4, ["note"])],
)
def test_the_scale_of_learning_rates(rate: float, found: list[str]) -> None:
    assert severities(learning_rate.check, training_learning_rate=rate) == found


def test_the_scale_is_of_adamw_and_models_of_size() -> None:
    high = {"training_learning_rate": 2e-3}
    assert severities(learning_rate.check, **high) == ["warning"]
    assert severities(learning_rate.check, model_path="bundled:tiny", **high) == []
    assert severities(learning_rate.check, training_optim="sgd", **high) == []
    assert severities(learning_rate.check, training_lr_scheduler_type="range_test", **high) == []
