"""Which parameters explain the objective, from what a log tells."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from sweeper import importances
from sweeper.decisions import Objective
from sweeper.history import Trial
from trainers.trial import Data, Lora, Model, Quantization, Training, TrialConfig

CONFIG = dataclasses.asdict(
    TrialConfig(Model("m", "m"), Quantization(), Lora(8, 16), Data("rows", "rows.csv"), Training(1e-3))
)
RANKS, DROPOUTS = (4, 8, 16, 32), (0.0, 0.05, 0.1)


def ledger(*trials: Trial) -> Any:
    entries = {trial.id: SimpleNamespace(trial=trial) for trial in trials}
    return SimpleNamespace(objective=Objective("eval_loss", "minimize"), entries=entries)


def trial(number: int, params: dict[str, Any], loss: float, outcome: str = "complete") -> Trial:
    made = Trial(str(number), number, params, CONFIG, outcome=outcome)
    made.rungs = [(10, {"eval_loss": loss})]
    return made


def grid(count: int = 24, loss: Callable[[int, float], float] = lambda r, dropout: math.log2(r)) -> list[Trial]:
    """Ranks and dropouts, alpha twice the rank, two seeds; the loss as it is told to follow from them."""
    points = [(RANKS[n % 4], DROPOUTS[n // 4 % 3], n // 12) for n in range(count)]
    return [
        trial(n, {"lora.alpha": 2 * r, "lora.r": r, "lora.dropout": d, "training.seed": s}, loss(r, d))
        for n, (r, d, s) in enumerate(points)
    ]


def test_what_decides_has_the_largest_share_and_twins_and_seeds_have_none() -> None:
    found = importances.of(ledger(*grid()))
    assert found is not None and (found["evaluator"], found["trials"]) == ("fanova", 24)
    assert list(found["values"]) == ["lora.r", "lora.dropout"] and found["values"]["lora.r"] > 0.95
    other = importances.of(ledger(*grid(loss=lambda r, dropout: dropout)))
    assert other is not None and other["values"]["lora.dropout"] > 0.95


def test_only_complete_whole_trials_count() -> None:
    trials = grid(9)
    cut = dataclasses.replace(trials[0], short=True)
    for left_out in (cut, dataclasses.replace(trials[0], outcome="pruned"), dataclasses.replace(trials[0], rungs=[])):
        found = importances.of(ledger(left_out, *trials[1:]))
        assert found is not None and found["trials"] == 8
        assert importances.of(ledger(left_out, *trials[1:8])) is None


def test_a_single_varied_parameter_has_no_share_to_tell() -> None:
    same = [dataclasses.replace(item, params={**item.params, "lora.dropout": 0.0}) for item in grid()]
    assert importances.of(ledger(*same)) is None


def test_what_a_stage_held_counts_with_the_value_it_had() -> None:
    trials = grid()
    for item in trials[:12]:  # of another stage, which did not set the dropout: the configuration's own
        del item.params["lora.dropout"]
    found = importances.of(ledger(*trials))
    assert found is not None and set(found["values"]) == {"lora.r", "lora.dropout"}


def test_many_trials_are_evaluated_by_another_rule() -> None:
    rates = [10 ** (-5 + 3 * n / 120) for n in range(120)]
    many = [
        trial(n, {"training.learning_rate": rate, "lora.dropout": DROPOUTS[n % 3]}, (math.log10(rate) + 3.5) ** 2)
        for n, rate in enumerate(rates)
    ]
    found = importances.of(ledger(*many))
    assert found is not None and found["evaluator"] == "ped-anova"
    assert found["values"]["training.learning_rate"] > 0.9


@pytest.mark.parametrize("loss", [lambda r, dropout: 1.0, lambda r, dropout: math.inf])
def test_nothing_to_explain_fails_no_sweep(loss: Callable[[int, float], float]) -> None:
    found = importances.of(ledger(*grid(loss=loss)))
    assert found is None or all(map(math.isfinite, found["values"].values()))
