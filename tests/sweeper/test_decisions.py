"""What happens at a rung, as a table."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace

import pytest

from sweeper.decisions import Decision, Objective, Ruling, decide
from sweeper.history import REFERENCE, Trial

LOSS, F1 = Objective("eval_loss", "minimize"), Objective("f1", "maximize")
NAN, INF = math.nan, math.inf


@dataclass(frozen=True)
class Says:
    answer: Ruling | None

    def ruling(self, trial: Trial, step: int, value: float) -> Ruling | None:
        return self.answer

    def compare(self, trials: Sequence[Trial], exhausted: bool) -> list[tuple[Trial, Decision]]:
        return []


PRUNES, PAUSES, SPARES = Says(Ruling("prune", "worse")), Says(Ruling("pause", "waits")), Says(None)


def trial(*values: dict[str, float], steps: int = 30, number: int = 0) -> Trial:
    rungs = [(10 * (index + 1), item) for index, item in enumerate(values)]
    return Trial("a", number, {}, {}, steps=steps, rungs=list(rungs))


@pytest.mark.parametrize(
    ("values", "objective", "prunes", "outcome", "keep"),
    [
        ([{"eval_loss": 2.0}], LOSS, False, None, True),
        ([{"eval_loss": 2.0}, {"eval_loss": 2.5}], LOSS, False, None, False),
        ([{"eval_loss": 2.0}, {"eval_loss": 2.0}], LOSS, False, None, False),  # the earliest among equals
        ([{"eval_loss": 2.0}, {"eval_loss": 1.5}], LOSS, False, None, True),
        ([{"f1": 0.2}, {"f1": 0.5}], F1, False, None, True),
        ([{"f1": 0.5}, {"f1": 0.2}], F1, False, None, False),
        ([{"eval_loss": 2.0}], LOSS, True, "pruned", True),
        ([{"eval_loss": NAN}], LOSS, True, "diverged", False),
        ([{"eval_loss": 2.0, "perplexity": INF}], LOSS, False, "diverged", False),
        ([{"loss": NAN}], LOSS, False, "diverged", False),
        ([{"eval_loss": 3.0}, {"eval_loss": 2.0}, {"eval_loss": 1.0}], LOSS, True, "complete", True),
        ([{"eval_loss": 1.0}, {"eval_loss": 2.0}, {"eval_loss": 3.0}], LOSS, True, "complete", False),
        ([{"eval_loss": 3.0}, {"eval_loss": 2.0}, {"eval_loss": NAN}], LOSS, False, "diverged", False),
        ([{"other": 1.0}], LOSS, True, None, False),
        ([{"other": 1.0}] * 3, LOSS, True, "complete", False),
    ],
)
def test_decision(
    values: list[dict[str, float]], objective: Objective, prunes: bool, outcome: str | None, keep: bool
) -> None:
    asked = trial(*values)
    step, latest = asked.rungs[-1]
    decision = decide(asked, step, latest, objective, PRUNES if prunes else SPARES)
    assert (decision.outcome, decision.keep) == (outcome, keep)
    assert decision.reason


def test_a_pause_is_no_end() -> None:
    decision = decide(trial({"eval_loss": 2.0}), 10, {"eval_loss": 2.0}, LOSS, PAUSES)
    assert decision == Decision("waits", outcome=None, keep=True, pause=True)


def test_the_last_rung_completes_where_others_pause() -> None:
    last = trial({"eval_loss": 2.0}, {"eval_loss": 1.9}, {"eval_loss": 1.8})
    assert decide(last, 30, {"eval_loss": 1.8}, LOSS, PAUSES).outcome == "complete"


def test_a_reference_is_never_pruned() -> None:
    reference = trial({"eval_loss": 9.0}, steps=0, number=REFERENCE)
    reference.rungs = [(0, {"eval_loss": 9.0})]
    assert decide(reference, 0, {"eval_loss": 9.0}, LOSS, PRUNES).outcome == "complete"


def test_the_reason_names_what_was_not_finite_and_where() -> None:
    decision = decide(trial({"loss": NAN, "grad_norm": INF}), 10, {"loss": NAN, "grad_norm": INF}, LOSS, SPARES)
    assert decision.reason == "grad_norm, loss not finite at step 10"


def patient(patience: int | None, *values: float, metric: str = "eval_loss", steps: int = 400) -> Trial:
    made = trial(*({metric: value} for value in values), steps=steps)
    made.config = {"training": {"early_stopping_patience": patience}}
    return made


def stops(made: Trial, objective: Objective = LOSS, pruner: Says = SPARES) -> Decision:
    step, values = made.rungs[-1]
    return decide(made, step, values, objective, pruner)


@pytest.mark.parametrize(
    ("patience", "values", "ends"),
    [
        (1, [2.0], False),
        (1, [2.0, 1.9], False),
        (1, [2.0, 2.0], True),  # as good is no better
        (2, [2.0, 2.1], False),
        (2, [2.0, 2.1, 2.2], True),
        (2, [2.0, 2.1, 1.9, 2.0], False),  # counted anew
        (2, [2.0, 2.1, 1.9, 2.0, 1.95], True),
        (None, [2.0, 2.1, 2.2, 2.3], False),
    ],
)
def test_a_trial_stops_early_by_its_own_patience(patience: int | None, values: list[float], ends: bool) -> None:
    assert (stops(patient(patience, *values)).outcome == "complete") == ends


def test_patience_follows_the_direction() -> None:
    assert stops(patient(2, 0.5, 0.6, 0.7, metric="f1"), F1).outcome is None
    assert stops(patient(2, 0.7, 0.6, 0.5, metric="f1"), F1).outcome == "complete"


def test_stopping_early_goes_before_pruning_and_waiting_and_after_divergence() -> None:
    made = patient(1, 2.0, 2.1)
    assert {stops(made, pruner=says).outcome for says in (PRUNES, PAUSES, SPARES)} == {"complete"}
    assert stops(patient(1, 2.0, NAN)).outcome == "diverged"
    assert stops(patient(1, 2.0, 2.1, steps=20)).reason == "all 20 steps done"


def test_only_evaluations_are_counted() -> None:
    made = patient(2, 2.0, 2.1)
    made.rungs.insert(1, (15, {"loss": 1.0}))
    assert stops(made).outcome is None


def test_why_a_trial_stopped_early() -> None:
    decision = stops(patient(3, 2.0, *[2.5] * 3))
    assert decision.reason == "no better eval_loss for 3 evaluations: stopped early at step 40 of 400"
    assert stops(patient(1, 2.0, 2.5)).reason.startswith("no better eval_loss for 1 evaluation:")


@pytest.mark.parametrize("seed", range(20))
def test_patience_is_that_of_transformers(seed: int) -> None:
    from transformers import EarlyStoppingCallback, TrainerControl

    rng = random.Random(seed)
    patience, values = rng.randrange(1, 5), [round(rng.random(), 1) for _ in range(30)]
    callback, control = EarlyStoppingCallback(patience), TrainerControl()
    args, state = SimpleNamespace(metric_for_best_model="eval_loss", greater_is_better=False), SimpleNamespace()
    state.best_metric = None
    for count, value in enumerate(values, start=1):
        callback.on_evaluate(args, state, control, {"eval_loss": value})
        state.best_metric = value if state.best_metric is None else min(value, state.best_metric)
        assert (stops(patient(patience, *values[:count])).outcome == "complete") == control.should_training_stop
        if control.should_training_stop:
            break
