"""Alarms stop what its own curve says is hopeless, name it, and leave everybody else alone."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import optuna
import pytest
from shell import Shell

from benchmarks.alarms import TABLES, judged
from sweeper.alarms import alarms
from sweeper.decisions import Decision, Objective, Ruling, decide
from sweeper.distributions import distribution
from sweeper.freezing import frozen
from sweeper.history import REFERENCE, Trial
from sweeper.settings import Diagnosis
from sweeper.space import Choices
from trainers.trial import Data, Lora, Model, Quantization, Training, TrialConfig

LOSS = Objective("eval_loss", "minimize")
CONFIG = TrialConfig(Model("m", "m"), Quantization(), Lora(8, 16), Data("rows", "rows.csv"), Training(1e-3))
EVERY = 10


class Pruner:
    """Lets everybody go on, and notes who was judged."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def ruling(self, trial: Trial, step: int, value: float) -> Ruling | None:
        self.asked.append(step)
        return None

    def compare(self, trials: Sequence[Trial], exhausted: bool) -> list[tuple[Trial, Decision]]:
        return []


def trial(
    losses: Sequence[float], evals: Sequence[float], norms: Sequence[float] = (), steps: int = 1000, **training: Any
) -> Trial:
    """A trial that has logged every ten steps, and been evaluated at the last of as many equal parts."""
    config = dataclasses.replace(CONFIG, training=dataclasses.replace(CONFIG.training, **training))
    made = Trial("t", 0, {"lora.r": 8}, dataclasses.asdict(config))
    made.steps = steps
    norms = norms or [1.0 + at % 3 / 10 for at in range(len(losses))]
    pairs = enumerate(zip(losses, norms, strict=True), start=1)
    made.curve = [(EVERY * at, {"loss": loss, "grad_norm": norm}) for at, (loss, norm) in pairs]
    each = EVERY * len(losses) // max(1, len(evals))
    made.rungs = [(each * at, {"eval_loss": value}) for at, value in enumerate(evals, start=1)]
    return made


def told(made: Trial, settings: Diagnosis | None = None, pruner: Pruner | None = None) -> Decision:
    step, values = made.rungs[-1]
    return decide(made, step, values, LOSS, pruner or Pruner(), alarms=alarms(settings or Diagnosis(), LOSS))


FALLING = [3 - 0.05 * at + 0.02 * (at % 2) for at in range(20)]
BLOWN_UP = [3.0, 2.8, 2.7, 2.6, 2.6, *[7.0 + 0.1 * (at % 2) for at in range(15)]]
HOPELESS = {
    "dead_gradient": trial([2.70, 2.71] * 10, [2.7, 2.69], norms=[0.0] * 20),
    "stagnant_evaluation": trial([2.70, 2.71] * 10, [2.9310452, 2.9310452]),
    "diverged": trial(BLOWN_UP, [2.7, 7.1]),
}


@pytest.mark.parametrize("name", HOPELESS)
def test_what_is_hopeless_is_stopped_by_name(name: str) -> None:
    made, pruner = HOPELESS[name], Pruner()
    decision = told(made, pruner=pruner)
    assert decision.outcome == name and decision.reason.startswith("alarm: ")
    assert decision.reason.endswith("; 800 of 1000 steps saved")
    assert pruner.asked == [200]  # what it reached here counts when others are compared
    others = [alarm for alarm in HOPELESS if alarm != name]
    assert told(made, Diagnosis(alarms=others)).outcome is None  # type: ignore[arg-type]
    assert told(made, Diagnosis(alarms=[])).outcome is None


def test_what_learns_goes_on() -> None:
    assert told(trial(FALLING, [2.6, 2.2])).outcome is None


def test_its_last_step_completes_a_trial_all_the_same() -> None:
    made = HOPELESS["stagnant_evaluation"]
    assert told(dataclasses.replace(made, steps=200)).outcome == "complete"


def test_a_noisy_loss_does_not_stop_whose_evaluations_improve_or_who_was_evaluated_once() -> None:
    noisy = [1.2, *[2.4 + 0.05 * (at % 3) for at in range(19)]]  # a first batch that happens to be easy
    assert told(trial(noisy, [2.5])).outcome is None
    assert told(trial(noisy, [2.5, 2.45])).outcome is None
    assert told(trial(noisy, [2.5, 2.6])).outcome == "diverged"


def test_a_small_batch_that_was_easy_first_is_no_blow_up() -> None:
    """Losses of single rows differ by 30 %; 25 of 500 such runs were said to have diverged."""
    for seed in range(40):
        dice = random.Random(seed)
        losses = [2 * dice.lognormvariate(0, 0.3) for _ in range(40)]
        for logged in (10, 20, 40):
            assert told(trial(losses[:logged], [2.0, 2.01])).outcome is None, seed


def test_who_stands_at_its_best_where_its_schedule_ran_out_is_not_stopped() -> None:
    rested = [2.61234, 2.20087, 1.90123, 1.89951, 1.89951, 1.89951]
    norms = [*[1.0] * 15, *[0.0] * 5]
    assert told(trial(FALLING, rested, norms=norms)).outcome is None
    stuck = [2.6123, 2.2871, 3.8714, 3.8714, 3.8714, 3.8714]
    assert told(trial(FALLING, stuck)).outcome == "stagnant_evaluation"
    assert told(trial(FALLING, stuck, norms=norms)).outcome == "dead_gradient"


def test_who_is_out_of_patience_is_complete_whatever_an_alarm_says() -> None:
    made = trial(BLOWN_UP, [2.6, 2.7, 7.1], early_stopping_patience=2)
    assert told(made).outcome == "complete"
    assert told(trial(BLOWN_UP, [2.6, 2.7, 7.1], early_stopping_patience=3)).outcome == "diverged"


def test_what_is_optimised_counts_beside_the_loss() -> None:
    made = trial(BLOWN_UP, [2.6, 2.7, 7.1])
    for (_, values), score in zip(made.rungs, (0.5, 0.6, 0.7), strict=True):
        values["eval_macro_f1"] = score  # type: ignore[index]
    assert alarms(Diagnosis(), Objective("eval_macro_f1", "maximize"))(made) is None
    assert alarms(Diagnosis(), LOSS)(made) is not None


def test_a_range_test_is_meant_to_blow_up_and_the_base_to_stay() -> None:
    assert told(trial(BLOWN_UP, [2.7, 7.1], lr_scheduler_type="range_test")).outcome is None
    assert told(dataclasses.replace(HOPELESS["stagnant_evaluation"], number=REFERENCE)).outcome is None


def test_the_sampler_is_kept_away_from_there() -> None:
    axis = {"lora.r": distribution(Choices("lora.r", (4, 8)))}
    for name, made in HOPELESS.items():
        ended = frozen(dataclasses.replace(made, outcome=name), axis, LOSS)
        assert ended.state == optuna.trial.TrialState.PRUNED and min(ended.constraints.values()) > 0


@pytest.mark.parametrize("table", TABLES, ids=lambda path: path.stem)
def test_no_alarm_stops_who_would_have_won(table: Path) -> None:
    trials = judged(table)
    assert len(trials) >= 30
    assert all(trial.place > len(trials) / 2 for trial in trials if trial.stopped is not None)


def test_a_stopped_trial_is_named_on_the_leaderboard_and_alarms_can_be_off(shell: Shell, tmp_path: Path) -> None:
    lines = ["lora.r,step,loss,grad_norm,eval_loss"]
    lines += [f"8,{step},{3 - step / 50},1.5,{3 - step / 60}" for step in (10, 20, 30, 40)]
    lines += [f"16,{step},2.7,0.0,2.931" for step in (10, 20, 30, 40)]
    (tmp_path / "curves.csv").write_text("\n".join(lines) + "\n")
    asked = ["-m", "trainer=replay", "replay.table=curves.csv", "lora.r=8,16", "executor=inline"]
    done = shell.sweep(*asked, "sweep.name=on")
    assert done.returncode == 0 and "1 complete, 1 dead gradient" in done.stdout, done.stdout + done.stderr
    assert "the gradient norm was 0.0 throughout" in done.stdout and "20 of 40 steps saved" in done.stdout
    off = shell.sweep(*asked, "sweep.name=off", "diagnosis.alarms=[]")
    assert off.returncode == 0 and "2 complete" in off.stdout
