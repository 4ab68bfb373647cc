"""The driver fills packs: workers that hold several trials, take others at rungs, and send some away."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from benchmarks.arrivals import replay, understood
from sweeper.history import History
from trainers.packed.key import key
from trainers.replay import ReplayTrainer, read_table
from trainers.seam import LEAVES, Command, Event, Evicted, Failed, GoOn, Room, Rung, Start
from trainers.trial import TrialConfig


class Pack:
    """Plays recorded curves as a pack trains: together, with room that it offers, and trials that it turns away."""

    def __init__(self, table: Path, places: int, refuses: Callable[[TrialConfig], bool], evicts: bool) -> None:
        self._player, self._places, self._refuses = ReplayTrainer(read_table(str(table))), places, refuses
        self._evicts = evicts
        self._configs: dict[str, TrialConfig] = {}
        self._waits: set[str] = set()
        self._next: list[Command] = []
        self._offers = False
        self.shares: set[int] = set()
        self.sizes: list[int] = []

    def advance(self, commands: Sequence[Command]) -> Iterator[Event]:
        for command in commands:
            yield from self._obey(command)
        if self._waits or not self._configs:
            return
        places = self._places - len(self._configs) if key(next(iter(self._configs.values()))) else 0
        if self._offers and places:
            self._offers = False
            yield Room(places)
        elif commands:
            yield from self._train()

    def _obey(self, command: Command) -> Iterator[Event]:
        if isinstance(command, Start):
            yield from self._take(command)
            return
        assert command.trial in self._configs
        self._waits.discard(command.trial)
        if isinstance(command, GoOn):
            if all(item.trial != command.trial for item in self._next):
                self._next.append(command)
        else:
            yield from self._play(command)

    def _take(self, start: Start) -> Iterator[Event]:
        self.shares.add(start.share)
        if self._configs and self._refuses(start.config):
            yield Evicted(start.trial, start.from_step, None)
            return
        assert len({key(config) for config in [*self._configs.values(), start.config]}) == 1
        assert len(self._configs) < self._places
        assert not self._configs or key(start.config) is not None
        self._configs[start.trial] = start.config
        self._offers = True
        self._next.append(start)

    def _train(self) -> Iterator[Event]:
        self.sizes.append(len(self._configs))
        commands, self._next = self._next, []
        if self._evicts and len(commands) > 1 and isinstance(commands[-1], Start):
            self._evicts, gone = False, commands.pop()
            del self._configs[gone.trial]
            yield Evicted(gone.trial, 0, 0.0)
        for command in commands:
            yield from self._play(command)
        self._offers = True

    def _play(self, command: Command) -> Iterator[Event]:
        for event in self._player.advance([command]):
            if isinstance(event, LEAVES):
                del self._configs[event.trial]
                self._offers = True
            elif isinstance(event, Rung):
                self._waits.add(event.trial)
            yield event


class Packs:
    """An executor of several of them."""

    def __init__(
        self,
        table: Path,
        workers: int,
        places: int,
        *,
        refuses: Callable[[TrialConfig], bool] = lambda config: False,
        evicts: bool = False,
    ) -> None:
        self.workers = [Pack(table, places, refuses, evicts) for _ in range(workers)]

    def wait(self, timeout_s: float) -> None:
        """Returns at once."""

    def close(self) -> None:
        """There is nothing to end."""


RATES = (1e-4, 2e-4, 3e-4, 4e-4, 5e-4, 6e-4)
GRID = ("quantization=none,nf4", "lora.r=8,16,64", f"training.learning_rate={','.join(map(str, RATES))}")


@pytest.fixture(scope="module")
def curves(tmp_path_factory: pytest.TempPathFactory) -> Path:
    lines = ["quantization,lora.r,training.learning_rate,step,eval_loss"]
    for place, base in enumerate(("none", "nf4")):
        for r in (8, 16, 64):
            for rate in RATES:
                points = [(step, 3 + place - 0.01 * step - r * rate) for step in (10, 20, 30, 40)]
                lines += [f"{base},{r},{rate},{step},{loss}" for step, loss in points]
    path = tmp_path_factory.mktemp("curves") / "curves.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def outcomes(history: History) -> dict[str, Any]:
    return {trial.id: (trial.outcome, trial.rungs) for trial in history.contenders}


def asked(curves: Path, *more: str) -> Any:
    return understood(curves, *GRID, "sweep.reference=false", *more)


@pytest.mark.parametrize(("workers", "places"), [(1, 1), (1, 4), (2, 3), (3, 8)])
@pytest.mark.parametrize("pruner", ["none", "halving"])
def test_packs_find_what_single_trials_find(
    tmp_path: Path, curves: Path, workers: int, places: int, pruner: str
) -> None:
    command = asked(curves, f"pruner={pruner}")
    alone = outcomes(replay(tmp_path / "alone", command, curves))
    packs = Packs(curves, workers, places)
    assert outcomes(replay(tmp_path / "packs", command, curves, executor=packs)) == alone
    assert len(alone) == 36 and {outcome for outcome, _ in alone.values()} <= {"complete", "pruned"}
    assert {share for worker in packs.workers for share in worker.shares} == {-(-36 // workers)}
    assert max(size for worker in packs.workers for size in worker.sizes) == min(places, 12)


def test_trials_that_cannot_share_wait_while_later_ones_fill_the_pack(tmp_path: Path, curves: Path) -> None:
    """The grid's last axis alternates between two bases; every pack is full nevertheless."""
    command = understood(curves, "training.learning_rate=1e-4,2e-4,3e-4,4e-4", "lora.r=8,16", "quantization=none,nf4")
    packs = Packs(curves, 1, 4)
    history = replay(tmp_path, command, curves, executor=packs)
    assert set(packs.workers[0].sizes) == {4}
    assert [trial.outcome for trial in history.contenders] == ["complete"] * 16


def test_what_a_worker_sends_away_comes_back(tmp_path: Path, curves: Path) -> None:
    command = asked(curves)
    alone = outcomes(replay(tmp_path / "alone", command, curves))
    refusing = Packs(curves, 2, 4, refuses=lambda config: config.lora.r == 16)
    assert outcomes(replay(tmp_path / "refusing", command, curves, executor=refusing)) == alone
    full = Packs(curves, 2, 4, evicts=True)
    assert outcomes(replay(tmp_path / "full", command, curves, executor=full)) == alone


def test_an_interrupted_sweep_of_packs_continues(tmp_path: Path, curves: Path) -> None:
    command = asked(curves, "pruner=halving")
    calm = outcomes(replay(tmp_path / "calm", command, curves, executor=Packs(curves, 2, 4)))
    for stop in (5, 17, 40):
        replay(
            tmp_path / "disturbed",
            command,
            curves,
            executor=Packs(curves, 2, 4),
            stop_when=lambda history, stop=stop: sum(len(item.rungs) for item in history.contenders) >= stop,  # type: ignore[misc]
        )
    assert outcomes(replay(tmp_path / "disturbed", command, curves, executor=Packs(curves, 1, 6))) == calm


def test_what_was_put_aside_does_not_begin_when_the_time_is_up(tmp_path: Path, curves: Path) -> None:
    command = understood(curves, "lora.r=8,16", "quantization=none,nf4", "training.learning_rate=1e-4,2e-4")

    def slow(history: History) -> bool:
        time.sleep(0.02 if any(trial.rungs for trial in history.contenders) else 0)
        return False

    history = replay(tmp_path, command, curves, executor=Packs(curves, 1, 4), limit_s=0.2, stop_when=slow)
    begun = [trial for trial in history.contenders if trial.started is not None]
    assert {trial.config["quantization"]["name"] for trial in begun} == {"none"} and len(begun) == 4
    assert all(trial.outcome == "complete" for trial in begun)
    rest = replay(tmp_path, command, curves, executor=Packs(curves, 1, 4))
    assert [trial.outcome for trial in rest.contenders] == ["complete"] * 8


def test_what_dies_together_is_tried_again_and_what_dies_alone_has_failed(tmp_path: Path, curves: Path) -> None:
    """A worker dies whenever it trains the trial that is to blame; all others end as they do without it."""
    command = understood(curves, "lora.r=8,16", "training.learning_rate=1e-4,2e-4,3e-4,4e-4", "sweep.reference=false")
    alone = outcomes(replay(tmp_path / "alone", command, curves))

    class Deadly(Pack):
        def _train(self) -> Iterator[Event]:
            held, configs = list(self._configs), list(self._configs.values())
            yield from super()._train()  # what it asks then is answered to nobody
            if any(config.training.learning_rate == 2e-4 and config.lora.r == 8 for config in configs):
                self.__init__(curves, self._places, self._refuses, evicts=False)  # type: ignore[misc]
                for trial in held:
                    yield Evicted(trial, 0, None) if len(held) > 1 else Failed(trial, "failed", "its worker died")

    packs = Packs(curves, 1, 4)
    packs.workers = [Deadly(curves, 4, lambda config: False, evicts=False)]
    found = outcomes(replay(tmp_path / "deadly", command, curves, executor=packs))
    failed = [trial for trial, (outcome, _) in found.items() if outcome == "failed"]
    assert len(failed) == 1 and {trial: end for trial, end in found.items() if trial not in failed} == {
        trial: end for trial, end in alone.items() if trial not in failed
    }
