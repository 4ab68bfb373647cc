"""What preflight says of a schedule is what the library does."""

from __future__ import annotations

from typing import Any

import pytest
import transformers

from sweeper.schedule_shape import _MAKERS, UNFORESEEN, ImpossibleScheduleError, shape, warmup
from trainers.packed.schedule import Schedule
from trainers.trial import Training

CASES: list[tuple[str, dict[str, Any]]] = [
    ("linear", {}),
    ("cosine", {}),
    ("cosine", {"num_cycles": 1.0}),
    ("cosine_with_restarts", {}),
    ("cosine_with_restarts", {"num_cycles": 3}),
    ("polynomial", {}),
    ("polynomial", {"power": 2.0, "lr_end": 1e-6}),
    ("constant", {}),
    ("constant_with_warmup", {}),
    ("constant_with_warmup", {"num_cycles": 2}),
    ("inverse_sqrt", {}),
    ("inverse_sqrt", {"timescale": 40}),
    ("cosine_with_min_lr", {"min_lr_rate": 0.1}),
    ("cosine_with_min_lr", {"min_lr": 1e-5, "num_cycles": 1.0}),
    ("cosine_warmup_with_min_lr", {"min_lr_rate": 0.05}),
    ("cosine_warmup_with_min_lr", {"min_lr": 1e-5, "warmup_lr_rate": 0.2}),
    ("warmup_stable_decay", {"num_decay_steps": 20}),
    ("warmup_stable_decay", {"decay_share": 0.3, "min_lr_ratio": 0.05, "decay_type": "linear"}),
    (
        "warmup_stable_decay",
        {"num_stable_steps": 10, "num_decay_steps": 15, "decay_type": "1-sqrt", "warmup_type": "cosine"},
    ),
    ("warmup_stable_decay", {"num_decay_steps": 20, "warmup_type": "1-sqrt", "min_lr_ratio": 0.1}),
    ("range_test", {}),
    ("range_test", {"start": 1e-5}),
]


def training(name: str, kwargs: dict[str, Any], warm: float = 0) -> Training:
    return Training(learning_rate=2e-4, lr_scheduler_type=name, lr_scheduler_kwargs=kwargs, warmup_steps=warm)


def rates(asked: Training, steps: int) -> list[float]:
    """What the trainers use, step by step."""
    followed, found = Schedule(asked, steps), []
    for _ in range(steps):
        found.append(followed.rate)
        followed.advance()
    return found


def test_every_schedule_of_the_library_is_known() -> None:
    names = {item.value for item in transformers.SchedulerType}
    assert names | {"range_test"} == {*_MAKERS, *UNFORESEEN}


@pytest.mark.filterwarnings("ignore:Both num_training_steps:UserWarning")
@pytest.mark.parametrize(("warm", "steps"), [(0, 61), (7, 61), (0.1, 61), (1, 2)])
@pytest.mark.parametrize(("name", "kwargs"), CASES)
def test_shapes_are_the_librarys(name: str, kwargs: dict[str, Any], warm: float, steps: int) -> None:
    asked = training(name, kwargs, warm)
    assert shape(asked, steps) == pytest.approx([rate / 2e-4 for rate in rates(asked, steps)], rel=1e-9, abs=1e-12)


def test_a_run_that_stops_early_follows_the_whole_runs_schedule() -> None:
    asked = training("cosine", {})
    assert shape(asked, 50, 10) == shape(asked, 50)[:10]  # type: ignore[index]


@pytest.mark.parametrize("name", UNFORESEEN)
def test_what_follows_measurements_is_not_foretold(name: str) -> None:
    assert shape(training(name, {}), 10) is None and warmup(training(name, {}, 5), 10) == 0


@pytest.mark.parametrize(
    ("name", "kwargs", "says"),
    [
        ("cosine_with_min_lr", {}, "min_lr or min_lr_rate"),
        ("cosine_with_min_lr", {"min_lr": 1e-5, "min_lr_rate": 0.1}, "not both"),
        ("linear", {"num_cycles": 1}, "no arguments, not num_cycles"),
        ("cosine", {"min_lr": 1}, "num_cycles, not min_lr"),
        ("polynomial", {"lr_end": 1}, "lr_end=1 must be below"),
        ("warmup_stable_decay", {}, "num_decay_steps"),
        ("warmup_stable_decay", {"num_decay_steps": 5, "decay_type": "square"}, "linear, cosine, 1-sqrt"),
        ("slow", {}, "no such schedule"),
        ("cosine", {"num_cycles": "x"}, "could not convert|multiply"),
        ("range_test", {"start": "x"}, "could not convert"),
    ],
)
def test_what_the_library_would_refuse_is_refused(name: str, kwargs: dict[str, Any], says: str) -> None:
    asked = training(name, kwargs)
    with pytest.raises(ImpossibleScheduleError, match=says):
        shape(asked, 50)
    with pytest.raises((ValueError, TypeError)):
        rates(asked, 50)
