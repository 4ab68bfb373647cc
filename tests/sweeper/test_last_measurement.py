"""A worker is asked for a test; what it cannot do is said, and never ends the sweep."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from sweeper import last_measurement
from sweeper.final_test import Due, Plan
from sweeper.interruption import Interruption
from sweeper.rows_for_test import TestRows
from trainers import seam
from trainers.trial import Data, Lora, Model, Quantization, Training, TrialConfig

CONFIG = TrialConfig(
    Model("m", "m"),
    Quantization(),
    Lora(8, 16),
    Data("rows", "rows.csv"),
    Training(1e-3, per_device_eval_batch_size=5),
)
PLAN = Plan(
    tuple(Due(seam.Test(trial, CONFIG, "adapter"), TestRows(3, "test.csv", "ttt"), step=20) for trial in "ab"),
    "A sentence.",
)


class Workers:
    """One worker that answers as it is told; it says nothing the first time, as a process does."""

    def __init__(self, *answers: Any) -> None:
        self.answers, self.asked, self.waited = list(answers), list[seam.Test](), 0

    @property
    def workers(self) -> Sequence[Any]:
        return [self]

    def advance(self, commands: Sequence[seam.Test]) -> Iterator[Any]:
        self.asked += commands
        if not commands:
            answer = self.answers.pop(0)
            yield answer() if callable(answer) else answer

    def wait(self, timeout_s: float) -> None:
        self.waited += 1

    def close(self) -> None:
        raise AssertionError("whoever opened them closes them")


def records(*answers: Any) -> tuple[list[dict[str, Any]], Workers]:
    workers = Workers(*answers)
    with Interruption() as interruption:
        return list(last_measurement.records(PLAN, lambda: workers, interruption)), workers


def test_each_is_recorded_with_its_rows_and_step(capsys: pytest.CaptureFixture[str]) -> None:
    made, workers = records(*(seam.Tested(trial, {"test_loss": 1.0}, facts={"rows": 3}) for trial in "ab"))
    assert [record["trial"] for record in made] == ["a", "b"] and workers.waited == 2
    assert made[0] | {"facts": None} == {
        **{"trial": "a", "values": {"test_loss": 1.0}, "labels": [], "counts": [], "facts": None},
        **{"step": 20, "content": "ttt", "source": "test.csv"},
    }
    assert made[0]["facts"] == {"rows": 3, "shared": 0, "left_out": 0}
    said = capsys.readouterr().out
    assert said == "A sentence.\nMeasuring the winner on the test rows: 3 of test.csv\n"


def test_where_memory_does_not_last_fewer_rows_are_tried(capsys: pytest.CaptureFixture[str]) -> None:
    full = [seam.Failed("a", "out_of_memory", "no room")] * 3
    made, workers = records(*full[:2], seam.Tested("a", {}), *(seam.Failed("b", "out_of_memory", "none"),) * 3)
    assert [record["trial"] for record in made] == ["a"]
    assert [test.config.training.per_device_eval_batch_size for test in workers.asked] == [5, 2, 1, 5, 2, 1]
    assert (
        "could not be measured (none). Nothing else is lost; the same command tries again." in capsys.readouterr().out
    )


def test_a_dead_worker_and_an_error_of_our_own_are_told_in_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert records(seam.Lost("a", "its worker process died", True))[0] == []
    assert "could not be measured (its worker process died)" in capsys.readouterr().out

    def broken() -> Any:
        raise RuntimeError("of two lines\nsecond")

    assert records(broken)[0] == []
    assert "could not be measured (of two lines). Nothing" in capsys.readouterr().out


def test_ctrl_c_is_obeyed_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert records(seam.Tested("a", {}), lambda: os.kill(os.getpid(), signal.SIGINT))[0][0]["trial"] == "a"
    assert "Stopped while the test rows were measured. Nothing else is lost" in capsys.readouterr().out
