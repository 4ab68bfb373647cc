"""Workers that die, say nothing, run out of memory, or cannot write: what the driver makes of it."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from benchmarks.arrivals import replay, understood
from sweeper.batches import halved
from sweeper.event_log import read
from sweeper.history import History
from trainers.replay import ReplayTrainer, read_table
from trainers.seam import LEAVES, Blocked, Command, Event, Failed, Lost, Rung, Start, Worker
from trainers.trial import TrialConfig

GRID = ("lora.r=8,16", "training.learning_rate=1e-4,2e-4", "sweep.reference=false")


class Mortal:
    """Plays recorded curves until something happens to it."""

    def __init__(self, table: Path, happens: Callable[[Event, Start, Mortal], Event | None]) -> None:
        self._table, self._happens = table, happens
        self._player: Worker = ReplayTrainer(read_table(str(table)))
        self._start: Start | None = None
        self.started: list[Start] = []

    def advance(self, commands: Sequence[Command]) -> Iterator[Event]:
        for command in commands:
            if isinstance(command, Start):
                self._start = command
                self.started.append(command)
        for event in self._player.advance(commands):
            assert self._start is not None
            fate = self._happens(event, self._start, self)
            if isinstance(fate, LEAVES) and not isinstance(event, LEAVES):
                self._player = ReplayTrainer(read_table(str(self._table)))
                yield fate
                return
            if fate is not None:
                yield fate
            yield event


class Mortals:
    """An executor of several of them."""

    def __init__(
        self, table: Path, workers: int, happens: Callable[[Event, Start, Mortal], Event | None] = lambda *_: None
    ) -> None:
        self.workers = [Mortal(table, happens) for _ in range(workers)]

    def wait(self, timeout_s: float) -> None:
        """Returns at once."""

    def close(self) -> None:
        """There is nothing to end."""


def curves(history: History) -> dict[str, Any]:
    return {trial.id: (trial.outcome, trial.rungs, trial.curve) for trial in history.trials.values()}


@pytest.fixture
def calm(tmp_path: Path, table: Path) -> dict[str, Any]:
    return curves(replay(tmp_path / "calm", understood(table, *GRID), table, executor=Mortals(table, 1)))


def at(event: Event, step: int) -> bool:
    return isinstance(event, Rung) and event.step == step


def test_a_dead_worker_costs_one_rung(tmp_path: Path, table: Path, calm: dict[str, Any]) -> None:
    deaths: Counter[str] = Counter()

    def dies(event: Event, start: Start, worker: Mortal) -> Event | None:
        if at(event, 20) and not deaths[start.trial]:
            deaths[start.trial] += 1
            return Lost(start.trial, "its worker process died (killed by signal 9)", True)
        return None

    executor = Mortals(table, 2, dies)
    history = replay(tmp_path / "s", understood(table, *GRID), table, executor=executor)
    assert curves(history) == calm and sum(deaths.values()) == 4
    again = [item for worker in executor.workers for item in worker.started if item.from_step]
    assert [item.from_step for item in again] == [10] * 4  # the rung before the one it died at
    assert [trial.seconds for trial in history.trials.values()] == [3.0] * 4  # the lost rung is no part of a trial
    records = read(tmp_path / "s" / "events.jsonl")
    assert [(item["alone"], item["seconds"]) for item in records if item["event"] == "lost"] == [(True, None)] * 4


def test_it_goes_on_elsewhere_where_another_worker_is_free(tmp_path: Path, table: Path) -> None:
    died: list[Mortal] = []

    def dies(event: Event, start: Start, worker: Mortal) -> Event | None:
        if at(event, 20) and not died:
            died.append(worker)
            return Lost(start.trial, "its worker died", True)
        return None

    executor = Mortals(table, 2, dies)
    one = understood(table, "lora.r=8", "training.learning_rate=1e-4", "sweep.reference=false")
    replay(tmp_path / "s", one, table, executor=executor)
    assert [len(worker.started) for worker in executor.workers] == [1, 1]
    assert executor.workers[0] is died[0]


@pytest.mark.parametrize(("retries", "tries"), [(3, "4 tries"), (0, "1 try")])
def test_it_is_failed_after_so_many_tries(tmp_path: Path, table: Path, retries: int, tries: str) -> None:
    def dies(event: Event, start: Start, worker: Mortal) -> Event | None:
        if start.config.lora.r == 8 and at(event, 20):
            return Lost(start.trial, "its worker died", True, "the log's tail")
        return None

    asked = understood(table, *GRID, f"executor.max_retries={retries}")
    history = replay(tmp_path / "s", asked, table, executor=Mortals(table, 1, dies))
    outcomes = {trial.config["lora"]["r"]: (trial.outcome, trial.reason) for trial in history.trials.values()}
    assert outcomes == {8: ("failed", f"its worker died, after {tries}"), 16: ("complete", "all 30 steps done")}
    records = read(tmp_path / "s" / "events.jsonl")
    assert [item["detail"] for item in records if item["event"] == "failed"] == ["the log's tail"] * 2


def test_tries_are_counted_over_restarts(tmp_path: Path, table: Path) -> None:
    """Whoever kills its worker does not begin to count anew with each driver."""

    def dies(event: Event, start: Start, worker: Mortal) -> Event | None:
        return Lost(start.trial, "its worker died", True) if at(event, 10) else None

    asked = understood(table, *GRID)
    for turn in range(1, 4):
        history = replay(
            tmp_path / "s",
            asked,
            table,
            executor=Mortals(table, 1, dies),
            stop_when=lambda history, turn=turn: next(iter(history.trials.values())).deaths == turn,  # type: ignore[misc]
        )
        assert next(iter(history.trials.values())).deaths == turn
    history = replay(tmp_path / "s", asked, table, executor=Mortals(table, 1, dies))
    assert next(iter(history.trials.values())).reason == "its worker died, after 4 tries"


def tight(rows: int, step: int) -> Callable[[Event, Start, Mortal], Event | None]:
    """A device with room for so many rows from a step on."""

    def runs_out(event: Event, start: Start, worker: Mortal) -> Event | None:
        if at(event, step) and start.config.training.per_device_train_batch_size > rows:
            return Failed(start.trial, "out_of_memory", "CUDA out of memory")
        return None

    return runs_out


def test_out_of_memory_halves_the_micro_batch(tmp_path: Path, table: Path, calm: dict[str, Any]) -> None:
    executor = Mortals(table, 1, tight(2, 20))
    history = replay(tmp_path / "s", understood(table, *GRID), table, executor=executor)
    assert curves(history) == calm
    first = [item for item in executor.workers[0].started if item.trial == executor.workers[0].started[0].trial]
    batches = [item.config.training for item in first]
    assert [item.per_device_train_batch_size for item in batches] == [8, 4, 2]
    assert {item.per_device_train_batch_size * item.gradient_accumulation_steps for item in batches} == {8}
    assert [item.from_step for item in first] == [0, 10, 10]
    for trial in history.trials.values():
        assert trial.config["training"]["per_device_train_batch_size"] == 8  # what was asked for stays what it is
        assert trial.ran["training.per_device_train_batch_size"] == 2
        assert trial.ran["training.gradient_accumulation_steps"] == 4


def test_what_fits_nowhere_is_out_of_memory_once_all_was_tried(tmp_path: Path, table: Path) -> None:
    asked = understood(table, *GRID)
    history = replay(tmp_path / "s", asked, table, executor=Mortals(table, 1, tight(0, 10)))
    assert {trial.outcome for trial in history.trials.values()} == {"out_of_memory"}
    reduced = [item for item in read(tmp_path / "s" / "events.jsonl") if item["event"] == "reduced"]
    sizes = [item["training.per_device_train_batch_size"] for item in reduced]
    assert sizes == [4, 2, 1] * 4  # each half once
    # Nothing begins again with what did not fit, when the sweep continues.
    before = len(read(tmp_path / "s" / "events.jsonl"))
    replay(tmp_path / "s", asked, table, executor=Mortals(table, 1, tight(0, 10)))
    assert len(read(tmp_path / "s" / "events.jsonl")) == before


@pytest.mark.parametrize(
    ("rows", "accumulation", "evaluated", "expected"),
    [
        (8, 1, 64, (4, 2, 32)),
        (6, 2, 10, (3, 4, 5)),
        (3, 1, 8, (1, 3, 1)),
        (2, 5, 1, (1, 10, 1)),
        (12, 1, 3, (6, 2, 1)),
        (1, 8, 64, (1, 8, 1)),
        (1, 8, 1, None),
    ],
)
def test_half_a_batch(
    micro_config: TrialConfig, rows: int, accumulation: int, evaluated: int, expected: tuple[int, ...] | None
) -> None:
    training = dataclasses.replace(
        micro_config.training,
        per_device_train_batch_size=rows,
        gradient_accumulation_steps=accumulation,
        per_device_eval_batch_size=evaluated,
    )
    found = halved(dataclasses.replace(micro_config, training=training))
    assert (None if found is None else tuple(found.values())) == expected


@pytest.fixture
def micro_config(table: Path) -> TrialConfig:
    config, _ = understood(table, *GRID).composer.trial({"lora.r": 8})
    assert config is not None
    return config


def test_a_worker_that_cannot_write_is_waited_for(
    tmp_path: Path, table: Path, calm: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    def full(event: Event, start: Start, worker: Mortal) -> Event | None:
        return Blocked(start.trial, "No space left on device (os error 28)") if at(event, 20) else None

    history = replay(tmp_path / "s", understood(table, *GRID), table, executor=Mortals(table, 1, full))
    assert curves(history) == calm
    said = capsys.readouterr().out
    assert said.count("No space left on device (os error 28). Nothing is lost: the sweep waits") == 4
    assert said.count("It can be written again: the sweep goes on.") == 4
