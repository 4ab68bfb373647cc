"""What happens at a rung, as a table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from sweeper.decisions import Decision, Objective, Verdict, decide
from sweeper.history import REFERENCE, Trial

LOSS, F1 = Objective("eval_loss", "minimize"), Objective("f1", "maximize")
NAN, INF = math.nan, math.inf


@dataclass(frozen=True)
class Says:
    answer: Verdict | None

    def verdict(self, trial: Trial, step: int, value: float) -> Verdict | None:
        return self.answer

    def compare(self, trials: Sequence[Trial], exhausted: bool) -> list[tuple[Trial, Decision]]:
        return []


PRUNES, PAUSES, SPARES = Says(Verdict("prune", "worse")), Says(Verdict("pause", "waits")), Says(None)


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
