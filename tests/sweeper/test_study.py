"""Optuna draws, compares and is mirrored, reproducibly."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from typing import Any

import optuna
import pytest
from omegaconf import OmegaConf
from optuna.distributions import distribution_to_json

from sweeper.decisions import Objective, Ruling
from sweeper.distributions import distribution
from sweeper.freezing import frozen
from sweeper.history import Trial
from sweeper.mirror import Copies, Mirror, storage
from sweeper.search import Sampled
from sweeper.settings import PrunerSettings, Sampler
from sweeper.space import Choices, Interval, Space
from sweeper.study import Study

CONF = Path(__file__).parents[2] / "conf"
LOSS = Objective("eval_loss", "minimize")
CONTINUOUS = Space((Interval("training.learning_rate", 1e-5, 1e-3, log=True), Choices("lora.r", (4, 8, 16))), ())
SMALL = Space((Choices("lora.r", (4, 8)), Choices("lora.target_modules", (["q"], ["q", "v"]))), ())


def study(space: Space = CONTINUOUS, sampler: str = "tpe", pruner: str = "none", **kwargs: Any) -> Study:
    settings = Sampler(sampler, target("sampler", sampler)), PrunerSettings(pruner, target("pruner", pruner), kwargs)
    return Study(space, *settings, LOSS, seed=0)


def target(group: str, name: str) -> str | None:
    found = OmegaConf.to_container(OmegaConf.load(CONF / group / f"{name}.yaml"))["_target_"]  # type: ignore[index, call-overload]
    return found if found is None else str(found)


def loss_of(params: dict[str, Any]) -> float:
    return abs(params.get("training.learning_rate", 3e-4) - 3e-4) * 1000 + 1 / params["lora.r"]


def ended(number: int, params: dict[str, Any], outcome: str = "complete") -> Trial:
    trial = Trial(f"t{number}", number, params, {}, steps=20, outcome=outcome)
    trial.rungs = [(10, {"eval_loss": 2 * loss_of(params)}), (20, {"eval_loss": loss_of(params)})]
    return trial


def follow(made: Study, trial: Trial) -> None:
    outcome, trial.outcome = trial.outcome, None
    made.apply({"event": "proposed"}, trial)
    trial.outcome = outcome
    made.apply({"event": "ended"}, trial)


def drawn(made: Study, space: Space, count: int, before: list[dict[str, Any]] | None = None) -> list[dict[str, Any]]:
    search, points = Sampled(space, count, made), list(before or [])
    while (point := search.next(len(points), lambda item: item in points)) is not None:
        follow(made, ended(len(points), point))
        points.append(point)
    return points


@pytest.mark.parametrize("sampler", ["tpe", "random", "qmc"])
def test_a_continued_search_draws_what_an_undisturbed_one_draws(sampler: str) -> None:
    calm = drawn(study(sampler=sampler), CONTINUOUS, 24)
    first = drawn(study(sampler=sampler), CONTINUOUS, 13)
    assert first == calm[:13]
    again = study(sampler=sampler)
    again.restore([ended(number, params) for number, params in enumerate(first)])
    assert drawn(again, CONTINUOUS, 24, first) == calm


@pytest.mark.parametrize("sampler", ["tpe", "random", "qmc", "cmaes", "nsga2", "gp"])
def test_every_sampler_draws_what_it_is_asked_for_none_twice(sampler: str) -> None:
    count = 12 if sampler == "gp" else 60
    points = drawn(study(sampler=sampler), CONTINUOUS, count)
    assert len(points) == count and len({repr(point) for point in points}) == count
    assert all(1e-5 <= point["training.learning_rate"] <= 1e-3 and point["lora.r"] in (4, 8, 16) for point in points)


def test_qmc_fills_a_space_evenly() -> None:
    points = drawn(study(sampler="qmc"), CONTINUOUS, 64)
    eighths = Counter(int(8 * (math.log10(point["training.learning_rate"]) + 5) / 2) for point in points)
    assert set(eighths.values()) == {8}


@pytest.mark.parametrize(
    ("pruner", "kwargs"),
    [
        ("percentile", {"percentile": 25.0, "n_startup_trials": 1}),
        ("asha", {"min_resource": 1, "reduction_factor": 3}),
        ("hyperband", {"min_resource": 1, "max_resource": 2, "reduction_factor": 2}),
        ("threshold", {"upper": 4.0}),
        ("wilcoxon", {"p_threshold": 0.5, "n_startup_steps": 0}),
    ],
)
def test_pruners_by_name_stop_the_worst(pruner: str, kwargs: dict[str, Any]) -> None:
    made = study(pruner=pruner, **kwargs)
    reasons = []
    for number, loss in enumerate([1.0, 1.1, 1.2, 9.0, 9.1, 9.2]):
        trial = Trial(f"t{number}", number, {"training.learning_rate": 1e-4 + number * 1e-5, "lora.r": 4}, {})
        made.apply({"event": "proposed"}, trial)
        for rung in range(1, 7):
            trial.rungs.append((10 * rung, {"eval_loss": loss + rung / 100}))
            verdict = made.ruling(trial, 10 * rung, loss + rung / 100)
            if verdict:
                reasons.append((number, verdict.reason))
                break
        trial.outcome = "pruned" if reasons and reasons[-1][0] == number else "complete"
        made.apply({"event": "ended"}, trial)
    assert {number for number, _ in reasons} & {3, 4, 5}, reasons
    assert 0 not in {number for number, _ in reasons}
    assert all(why.startswith(f"{pruner}: eval_loss ") and " at rung " in why for _, why in reasons)


def test_tpe_learns() -> None:
    points = drawn(study(), CONTINUOUS, 60)
    assert sum(map(loss_of, points[40:])) < 0.7 * sum(map(loss_of, points[:20]))


@pytest.mark.parametrize("sampler", ["tpe", "random", "qmc", "gp", "cmaes", "nsga2"])
def test_a_small_space_is_exhausted_without_duplicates(sampler: str) -> None:
    points = drawn(study(SMALL, sampler), SMALL, 100)
    assert len(points) == 4 and all(point in points for point in SMALL.grid())


def test_the_median_pruner_counts_rungs() -> None:
    made = study(pruner="median", n_startup_trials=2, n_warmup_steps=0)
    for number in range(3):
        running = Trial(f"t{number}", number, {"training.learning_rate": 1e-4, "lora.r": 4}, {})
        made.apply({"event": "proposed"}, running)
        running.rungs = [(10, {"eval_loss": 1.0})]
        assert made.ruling(running, 10, 1.0) is None
        running.outcome = "complete"
        made.apply({"event": "ended"}, running)
    worse = Trial("worse", 3, {"training.learning_rate": 2e-4, "lora.r": 4}, {})
    made.apply({"event": "proposed"}, worse)
    worse.rungs = [(10, {"eval_loss": 5.0})]
    worse.steps = 40
    assert made.ruling(worse, 10, 5.0) == Ruling(
        "prune",
        "median: eval_loss 5 at rung 1 (step 10), where 3 others have 1 at best and 1 as median; 30 of 40 steps saved",
    )


@pytest.mark.parametrize("outcome", ["out_of_memory", "diverged"])
@pytest.mark.parametrize("continued", [False, True])
def test_tpe_leaves_a_corner_where_nothing_fits_or_all_diverges(outcome: str, continued: bool) -> None:
    """The largest rank never is measured; a failure that says nothing of the point is ignored."""

    def tried(outcome: str) -> int:
        made, trials = study(), list[Trial]()
        search = Sampled(CONTINUOUS, 60, made)
        for number in range(60):
            params = search.next(number, lambda item: False)
            assert params is not None
            trial = ended(number, params, outcome if params["lora.r"] == 16 else "complete")
            trial.rungs = [] if params["lora.r"] == 16 else trial.rungs
            trials.append(trial)
            follow(made, trial)
            if continued and number == 29:
                made = study()
                made.restore(trials)
                search = Sampled(CONTINUOUS, 60, made)
        return sum(trial.params["lora.r"] == 16 for trial in trials[30:])

    assert tried(outcome) <= 5 < tried("failed")


def test_a_value_that_is_not_finite_is_never_told() -> None:
    trial = ended(0, {"lora.r": 4}, "diverged")
    trial.rungs = [(10, {"eval_loss": 0.5}), (20, {"eval_loss": math.nan})]
    told = frozen(trial, {"lora.r": distribution(Choices("lora.r", (4, 8)))}, LOSS)
    assert (told.state.name, told.intermediate_values) == ("PRUNED", {1: 0.5}) and told.constraints
    trial.outcome, trial.rungs = "complete", [(10, {"eval_loss": math.nan})]
    assert frozen(trial, told.distributions, LOSS).state.name == "FAIL"


@pytest.mark.parametrize(
    ("outcome", "state", "violated"),
    [
        ("complete", "COMPLETE", False),
        ("pruned", "PRUNED", False),
        ("failed", "FAIL", False),
        ("diverged", "PRUNED", True),
        ("out_of_memory", "PRUNED", True),
    ],
)
def test_every_outcome_reaches_the_storage_once(tmp_path: Path, outcome: str, state: str, violated: bool) -> None:
    records = [*searched(SMALL), *recorded(0, {"lora.r": 4, "lora.target_modules": ["q"]}, outcome)]
    for _ in range(2):  # the second time as a continued sweep would
        mirrored(tmp_path, records)
    (stored,) = optuna.load_study(study_name="s", storage=f"sqlite:///{tmp_path}/study.db").trials
    assert stored.state.name == state and any(value > 0 for value in stored.constraints.values()) == violated
    assert stored.params == {"lora.r": 4, "lora.target_modules": '["q"]'}
    assert stored.intermediate_values == {1: 0.5, 2: 0.25}


def searched(space: Space) -> list[dict[str, Any]]:
    axes = {axis.key: distribution_to_json(distribution(axis)) for axis in space.axes}
    return [
        {"event": "opened", "time": 1, "metric": "eval_loss", "direction": "minimize"},
        {"event": "searched", "time": 1, "stage": "search", "distributions": axes},
    ]


def recorded(number: int, params: dict[str, Any], outcome: str = "complete") -> list[dict[str, Any]]:
    about = {"trial": f"t{number}", "time": 2 + number}
    told = [{**about, "event": "rung", "step": step, "values": values} for step, values in ended(0, params).rungs]
    end = {"event": "ended", "seconds": None, "peak_memory_mib": None, "outcome": outcome, "reason": "…"}
    proposed = {"event": "proposed", "number": number, "params": params, "config": {}}
    return [{**about, **proposed}, {**about, "event": "started"}, *told, {**about, **end}]


def mirrored(folder: Path, records: list[dict[str, Any]]) -> None:
    mirror = Mirror(lambda: storage(f"sqlite:///{folder}/study.db"), Copies("s", records))
    assert list(mirror.deliver()) and not mirror.missing


def test_a_sweep_continued_over_other_values_gets_a_study_of_its_own(tmp_path: Path) -> None:
    records = [*searched(SMALL), *recorded(0, {"lora.r": 4, "lora.target_modules": ["q"]})]
    mirrored(tmp_path, records)
    wider = Space((Choices("lora.r", (4, 8, 16)),), ())
    mirrored(tmp_path, [*records, *searched(wider), *recorded(1, {"lora.r": 16})])
    names = {
        item.study_name: item.n_trials for item in optuna.get_all_study_summaries(f"sqlite:///{tmp_path}/study.db")
    }
    assert names == {"s": 1, "s+": 1}


def test_a_wider_search_takes_along_what_was_measured(tmp_path: Path) -> None:
    narrow, wide = Space((Choices("lora.r", (4, 8)),), ()), Space((Choices("lora.r", (4, 8, 16)),), ())
    mirrored(tmp_path, [*searched(narrow), *recorded(0, {"lora.r": 4}), *searched(wide), *recorded(1, {"lora.r": 16})])
    names = {
        item.study_name: item.n_trials for item in optuna.get_all_study_summaries(f"sqlite:///{tmp_path}/study.db")
    }
    assert names == {"s": 1, "s+": 2}
