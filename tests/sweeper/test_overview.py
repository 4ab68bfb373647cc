"""How far a sweep is, and how the terminal shows it."""

from __future__ import annotations

import io
import math
from typing import Any

import pytest
from rich.console import Console

from sweeper.decisions import Objective
from sweeper.halving import Halving
from sweeper.history import REFERENCE, History
from sweeper.live import Live, is_wanted, sparkline
from sweeper.overview import Counts, Overview
from sweeper.progress import Progress, duration

LOSS = Objective("eval_loss", "minimize")
CONFIG: dict[str, Any] = {
    "quantization": {"name": "none"},
    "lora": {"r": 8, "alpha": 16, "dropout": 0.05},
    "training": {"lr_scheduler_type": "linear", "eval_steps": 10},
    "data": {"name": "mine", "augmentation": "none"},
}
NAME = "exp{}_r8_a16_d05_linear_mine"


class Sweep:
    """A history whose views follow it, at a clock that is set by hand."""

    def __init__(self, total: float, share: Any = None) -> None:
        self.now, self.said, self.history = 0.0, list[str](), History()
        self.overview = Overview(self.history, total, LOSS, share=share, clock=lambda: self.now)
        self.progress = Progress(self.overview, total, LOSS, self.said.append)

    def tell(self, event: str, trial: int, **fields: Any) -> None:
        record = {"event": event, "trial": f"t{trial}", "time": self.now, **fields}
        made = self.history.apply(record)
        for view in (self.overview, self.progress):
            view.apply(record, made)

    def start(self, trial: int, steps: int = 40) -> None:
        number = trial if trial != 99 else REFERENCE
        self.tell("proposed", trial, number=number, params={}, config=CONFIG)
        self.tell("started", trial)
        self.tell("began", trial, steps=steps, facts={})

    def rung(self, trial: int, step: int, value: float) -> None:
        self.tell("rung", trial, step=step, values={"eval_loss": value})

    def end(self, trial: int, outcome: str, step: int = 40) -> None:
        self.tell("ended", trial, step=step, seconds=2.0, peak_memory_mib=None, outcome=outcome, reason="because")


@pytest.fixture
def sweep() -> Sweep:
    made = Sweep(10)
    for trial in range(6):
        made.start(trial)
        made.rung(trial, 10, 3.0 - trial / 10)
    made.end(0, "complete")
    made.end(1, "pruned", 10)
    made.end(2, "diverged", 10)
    made.tell("paused", 3, step=10, seconds=1.0, peak_memory_mib=None)
    made.tell("failed", 4, outcome="out_of_memory", reason="no room")
    return made


def test_a_trial_that_had_to_leave_does_not_run(sweep: Sweep) -> None:
    sweep.tell("evicted", 5, step=25, seconds=1.0, peak_memory_mib=None)
    trial = sweep.history.trials["t5"]
    assert sweep.overview.counts.running == 0 and (trial.paused, trial.state_step, trial.outcome) == (False, 25, None)
    sweep.tell("started", 5, from_step=25)
    assert sweep.overview.counts.running == 1 and [step for step, _ in trial.rungs] == [10]


def test_counts(sweep: Sweep) -> None:
    assert sweep.overview.counts == Counts(done=1, running=1, paused=1, pruned=1, failed=2)
    assert str(sweep.overview.counts) == "1 done · 1 running · 1 paused · 1 pruned · 2 failed"
    assert str(Counts(done=2)) == "2 done · 0 running"


def test_a_reference_is_not_counted() -> None:
    made = Sweep(2)
    made.start(99, steps=0)
    assert made.overview.counts == Counts()


def test_the_best_so_far_is_no_trial_that_failed(sweep: Sweep) -> None:
    best = sweep.overview.best
    assert best is not None and (best[0].id, best[1], best[2]) == ("t5", 10, 2.5)
    assert Sweep(1).overview.best is None


def test_speed_and_time_left() -> None:
    made = Sweep(4)
    assert made.overview.steps_per_s is None and made.overview.seconds_left is None
    made.now = 100.0  # loading took that long
    made.start(0)
    made.now = 105.0
    made.tell("logged", 0, step=20, values={"loss": 1.0})
    assert made.overview.steps_per_s == 4
    assert made.overview.seconds_left == (4 * 40 - 20) / 4
    made.rung(0, 20, 1.0)
    assert made.overview.steps_per_s == 4, "a step counts once"
    made.end(0, "pruned", 20)
    assert made.overview.seconds_left == 3 * 40 / 4, "what was spared takes no time"


def test_halving_runs_fewer_steps() -> None:
    made = Sweep(9, Halving(LOSS).share)
    made.start(0)
    made.now = 10.0
    made.rung(0, 10, 1.0)
    worth = (9 * 1 + 3 * 2 + 1 * 1) / 4  # rungs of four
    assert made.overview.seconds_left == pytest.approx((worth * 40 - 10) / 1)


def test_no_end_no_time_left() -> None:
    made = Sweep(math.inf)
    made.start(0)
    made.now = 1.0
    made.rung(0, 10, 1.0)
    assert made.overview.seconds_left is None


def test_a_limit_is_time_left() -> None:
    now = [0.0]
    overview = Overview(History(), math.inf, LOSS, limit_s=60, clock=lambda: now[0])
    now[0] = 20.0
    assert overview.seconds_left == 40


def test_plain_lines(sweep: Sweep) -> None:
    sweep.tell("decided", 3, step=10, outcome=None, pause=False, keep=False, reason="place 1 of 3")
    said = "\n".join(sweep.said)
    assert f"[1/10] {NAME.format(1)}  eval_loss 3.0000 at step 10  complete  2.0 s" in said
    assert f"{NAME.format(2)}  pruned: because" in said
    assert f"[3/10] {NAME.format(4)}  eval_loss 2.7000 at step 10  paused" in said
    assert "out_of_memory: no room" in said
    assert f"{NAME.format(4)}  goes on: place 1 of 3" in said


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.4, "0 s"), (89, "89 s"), (90, "2 min"), (3600, "60 min"), (7260, "2 h 1 min"), (90_000, "1 d 1 h")],
)
def test_durations(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ([], ""),
        ([1.0], "▁"),
        ([1.0, 2.0], "▁█"),
        ([3.0, 2.0, 1.0], "█▅▁"),
        ([1.0, math.nan, 2.0], "▁ █"),
        ([math.inf], ""),
        (list(map(float, range(40))), "▁▁▂▂▃▃▄▄▅▅▆▆▇▇██"),
    ],
)
def test_sparklines(values: list[float], line: str) -> None:
    drawn = sparkline(values)
    assert drawn == line or (len(values) == 40 and len(drawn) == 16 and drawn[0] == "▁" and drawn[-1] == "█")


def test_the_region_shows_what_runs(sweep: Sweep) -> None:
    sweep.now = 5.0
    sweep.tell("logged", 5, step=20, values={"loss": 1.0})
    console = Console(file=io.StringIO(), width=120, force_terminal=False)
    live = Live(sweep.overview, "eval_loss", console)
    console.print(live._render())
    text = console.file.getvalue()  # type: ignore[attr-defined]
    head, best, running = text.splitlines()
    assert head.startswith("1 done · 1 running") and "steps/s" in head and "left" in head
    assert best == f"best  {NAME.format(6)}  eval_loss 2.5000 at step 10"
    assert running.startswith(NAME.format(6)) and "20/40" in running and "eval_loss 2.5000" in running
    for trial in range(10, 40):
        sweep.start(trial)
    console.print(live._render())
    assert console.file.getvalue().splitlines()[-1].strip() == "and 19 more"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("terminal", "environment", "wanted"),
    [
        (True, {"TERM": "xterm"}, True),
        (False, {"TERM": "xterm"}, False),
        (True, {"TERM": "xterm", "NO_COLOR": "1"}, False),
        (True, {"TERM": "dumb"}, False),
    ],
)
def test_when_it_is_wanted(
    monkeypatch: pytest.MonkeyPatch, terminal: bool, environment: dict[str, str], wanted: bool
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.stdout.isatty", lambda: terminal, raising=False)
    assert is_wanted() == wanted
