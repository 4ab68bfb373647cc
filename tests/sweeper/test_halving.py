"""Pause and promote: the same survivors for every arrival order, and nothing lost on the way."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import pytest

from benchmarks.arrivals import replay, understood
from sweeper.decisions import Objective, Ruling
from sweeper.event_log import read
from sweeper.halving import Halving
from sweeper.history import History, Trial

LOSS, F1 = Objective("eval_loss", "minimize"), Objective("f1", "maximize")


def trial(
    number: int, *values: float, paused: bool = True, outcome: str | None = None, metric: str = "eval_loss"
) -> Trial:
    rungs: list[Any] = [(10 * rung, {metric: value}) for rung, value in enumerate(values, start=1)]
    made = Trial(f"t{number}", number, {}, {}, steps=100, rungs=rungs, outcome=outcome)
    made.paused, made.state_step = paused and outcome is None, 10 * len(values)
    return made


def survivors(rule: Halving, trials: list[Trial], exhausted: bool = True) -> list[int]:
    return [item.number for item, decision in rule.compare(trials, exhausted) if decision.outcome is None]


def pruned(rule: Halving, trials: list[Trial], exhausted: bool = True) -> list[int]:
    return [item.number for item, decision in rule.compare(trials, exhausted) if decision.outcome == "pruned"]


@pytest.mark.parametrize(
    ("rule", "rungs"),
    [
        (Halving(LOSS), [1, 3, 9]),
        (Halving(LOSS, min_resource=2), [2, 6]),
        (Halving(LOSS, reduction_factor=2), [1, 2, 4, 8]),
    ],
)
def test_the_rungs_where_trials_pause(rule: Halving, rungs: list[int]) -> None:
    judged = [rule.ruling(trial(0, *[1.0] * rung), 10 * rung, 1.0) for rung in range(1, 10)]
    assert [rung for rung, verdict in enumerate(judged, start=1) if verdict] == rungs
    assert all(verdict is None or verdict.action == "pause" for verdict in judged)


@pytest.mark.parametrize(("count", "best"), [(9, 3), (10, 4), (11, 4), (12, 4), (2, 1), (1, 1)])
def test_the_best_third_rounded_up_goes_on(count: int, best: int) -> None:
    trials = [trial(number, 5 - number / 10) for number in range(count)]
    assert survivors(Halving(LOSS), trials) == list(range(count - best, count))
    assert len(pruned(Halving(LOSS), trials)) == count - best


def test_ties_go_to_the_smaller_number() -> None:
    assert survivors(Halving(LOSS), [trial(number, 1.0) for number in (4, 2, 0, 3, 1)]) == [0, 1]


def test_more_is_better_where_the_objective_says_so() -> None:
    trials = [trial(number, value, metric="f1") for number, value in enumerate([0.1, 0.9, 0.5])]
    assert survivors(Halving(F1), trials) == [1]


def test_nobody_is_judged_before_all_have_got_there() -> None:
    waiting = [trial(number, 1.0) for number in range(5)]
    assert not Halving(LOSS).compare([*waiting, trial(5, paused=False)], exhausted=True)
    assert not Halving(LOSS).compare(waiting, exhausted=False)


def test_the_lowest_rung_is_judged_first_and_ended_trials_keep_their_places() -> None:
    ended = [trial(0, 1.0, 0.9, outcome="complete"), trial(1, 3.0, outcome="pruned"), trial(2, 1.5, outcome="diverged")]
    late = [trial(3, 2.0), trial(4, 0.5), trial(5, 1.1, 0.7, 0.6)]
    rule = Halving(LOSS)
    assert survivors(rule, [*ended, *late]) == [4] and pruned(rule, [*ended, *late]) == [3]


def test_brackets_are_judged_each_by_itself() -> None:
    rule = Halving(LOSS, bracket=3)
    first, second = [trial(number, 3.0 - number) for number in range(3)], [trial(3, 0.1), trial(4, paused=False)]
    assert survivors(rule, [*first, *second], exhausted=False) == [2]
    assert survivors(rule, [*first, *second[:1]], exhausted=False) == [2]
    assert survivors(rule, [*first, *second[:1]], exhausted=True) == [2, 3]


def test_what_a_pruned_trial_is_told() -> None:
    (_, worse) = Halving(LOSS).compare([trial(0, 1.0), trial(1, 2.0)], exhausted=True)[1]
    assert (
        worse.reason
        == "halving: eval_loss 2, place 2 of 2 at rung 1 (step 10); the best 1 went on; 90 of 100 steps saved"
    )
    assert Halving(LOSS).ruling(trial(0, 1.0), 10, 1.0) == Ruling(
        "pause", "eval_loss 1 at rung 1 (step 10): waits for the others of its bracket"
    )


@pytest.mark.parametrize(
    ("trials", "rungs", "steps"), [(27, 4, (27 + 9 * 2 + 3) / 4), (9, 1, 9), (9, 3, (9 + 3 * 2) / 3)]
)
def test_what_a_bracket_costs(trials: int, rungs: int, steps: float) -> None:
    assert math.isclose(Halving(LOSS).share(trials, rungs), steps)


@pytest.fixture
def curves(tmp_path: Path) -> Path:
    """Forty ranks, six rungs; curves that cross."""
    lines = ["lora.r,step,eval_loss"]
    for r in range(1, 41):
        lines += [f"{r},{10 * k},{(r * 7919 % 101) / 50 + (r * 104729 % 97) / 40 / k + 1 / k:.3f}" for k in range(1, 7)]
    path = tmp_path / "curves.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


ARGUMENTS = ("lora.r=interval(1,40)", "sampler=random", "sweep.n_trials=20", "executor=inline")


def ends(history: History) -> dict[str, Any]:
    return {item.id: (item.outcome, item.reason, item.rungs, item.params) for item in history.trials.values()}


def test_every_arrival_order_gives_the_same_survivors(tmp_path: Path, curves: Path) -> None:
    asked = understood(curves, *ARGUMENTS)
    results = [ends(replay(tmp_path / str(seed), asked, curves, workers=1 + seed % 5, seed=seed)) for seed in range(30)]
    assert all(result == results[0] for result in results)
    outcomes = [outcome for outcome, *_ in results[0].values()]
    assert outcomes.count("complete") == 3 and outcomes.count("pruned") == 17


def test_asynchronous_asha_does_not(tmp_path: Path, curves: Path) -> None:
    """What the rule is for: Optuna's decides by arrival."""
    asked = understood(curves, *ARGUMENTS, "pruner=asha")
    results = [ends(replay(tmp_path / str(seed), asked, curves, workers=1 + seed % 5, seed=seed)) for seed in range(10)]
    assert any(result != results[0] for result in results)


@pytest.mark.parametrize("events", [30, 60, 90, 130])
def test_an_interrupted_one_goes_on_where_it_was(tmp_path: Path, curves: Path, events: int) -> None:
    asked = understood(curves, *ARGUMENTS)
    calm = ends(replay(tmp_path / "calm", asked, curves, workers=3, seed=1))
    log = tmp_path / "torn" / "events.jsonl"
    replay(tmp_path / "torn", asked, curves, workers=3, seed=2, stop_when=lambda history: len(read(log)) >= events)
    assert ends(History(read(log))) != calm
    assert ends(replay(tmp_path / "torn", asked, curves, workers=2, seed=3)) == calm


def test_a_lost_state_costs_a_beginning_and_nothing_else(tmp_path: Path, curves: Path) -> None:
    import shutil

    asked = understood(curves, *ARGUMENTS)
    log = tmp_path / "torn" / "events.jsonl"
    replay(
        tmp_path / "torn",
        asked,
        curves,
        workers=3,
        seed=2,
        stop_when=lambda history: any(item.paused for item in history.contenders),
    )
    for folder in (tmp_path / "torn").glob("trials/*/state"):
        shutil.rmtree(folder)
    calm = ends(replay(tmp_path / "calm", asked, curves))
    assert ends(replay(tmp_path / "torn", asked, curves)) == calm
    assert any(item["from_step"] == 0 for item in read(log) if item["event"] == "started")


def test_more_trials_are_compared_with_those_before(tmp_path: Path, curves: Path) -> None:
    replay(tmp_path / "s", understood(curves, *ARGUMENTS), curves)
    more = [item for item in ARGUMENTS if "n_trials" not in item]
    history = replay(tmp_path / "s", understood(curves, *more, "sweep.n_trials=40"), curves)
    assert len(history.contenders) == 40 and all(item.outcome for item in history.contenders)
    first = sorted(item.rungs[0][1]["eval_loss"] for item in history.contenders)
    reached = [item.rungs[0][1]["eval_loss"] for item in history.contenders[20:] if len(item.rungs) > 1]
    assert reached and all(value <= first[13] for value in reached)  # the best 14 of 40


@pytest.mark.parametrize("later", [("sweep.n_trials=8",), ("sweep.n_trials=20", "pruner=asha"), ("pruner=none",)])
def test_paused_trials_go_on_under_another_rule(tmp_path: Path, curves: Path, later: tuple[str, ...]) -> None:
    fixed = [item for item in ARGUMENTS if "n_trials" not in item]
    first = understood(curves, *fixed, "sweep.n_trials=14")
    replay(tmp_path / "s", first, curves, stop_when=lambda h: sum(item.paused for item in h.contenders) == 12)
    asked = later if any("n_trials" in item for item in later) else (*later, "sweep.n_trials=14")
    history = replay(tmp_path / "s", understood(curves, *fixed, *asked), curves)
    assert not history.unfinished and len(history.contenders) >= 12
    assert sum(item.outcome == "complete" for item in history.contenders) >= 1


def test_trials_of_an_earlier_command_are_no_rivals(tmp_path: Path, curves: Path) -> None:
    """They may have had other data: all of them are better here, and none takes a place from the new ones."""
    replay(tmp_path / "s", understood(curves, "lora.r=range(1,10)", "training.weight_decay=0.1"), curves)
    worse = tmp_path / "worse.csv"
    rows = [line.rpartition(",") for line in curves.read_text().splitlines()]
    worse.write_text(
        "\n".join([",".join([rows[0][0], rows[0][2]]), *(f"{a},{float(c) + 100}" for a, _, c in rows[1:])])
    )
    history = replay(tmp_path / "s", understood(worse, *ARGUMENTS), worse)
    new = [item for item in history.contenders if item.rungs[0][1]["eval_loss"] > 50]
    assert len(new) == 20 and sum(item.outcome == "complete" for item in new) == 3


def test_states_are_removed_when_trials_end(tmp_path: Path, curves: Path) -> None:
    from sweeper.folders import Folders
    from sweeper.paths import SweepPaths

    paths, ended = SweepPaths(tmp_path), dataclasses.replace(trial(0, 1.0), outcome="pruned")
    (paths.state("t0") / "10").mkdir(parents=True)
    Folders(paths).apply({"event": "ended"}, ended)
    assert not paths.state("t0").exists()


@pytest.mark.parametrize(
    ("arguments", "halves"),
    [
        (("lora.r=interval(1,40)", "sweep.n_trials=9"), True),
        (("lora.r=interval(1,40)", "sweep.n_trials=8"), False),
        (("lora.r=range(1,30)",), False),
        (("lora.r=range(1,30)", "pruner=halving"), True),
        (("lora.r=range(1,30)", "sampler=tpe", "sweep.n_trials=20"), True),
        (("lora.r=interval(1,40)", "sweep.n_trials=20", "pruner=none"), False),
        (("lora.r=interval(1,40)", "sweep.n_trials=20", "pruner=median"), False),
    ],
)
def test_when_auto_halves(curves: Path, arguments: tuple[str, ...], halves: bool) -> None:
    asked = understood(curves, *arguments)
    assert (asked.halving is not None) == halves


def test_a_search_that_only_time_ends_is_compared_in_brackets(curves: Path) -> None:
    asked = understood(curves, "training.learning_rate=interval(1e-5,1e-3)", "sweep.max_hours=1")
    assert asked.halving is not None and asked.halving.bracket == 27
