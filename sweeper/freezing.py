"""A trial that has ended, as Optuna keeps it: a function of what was recorded."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping

import optuna
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial, TrialState

from sweeper.decisions import Objective
from sweeper.distributions import label
from sweeper.history import Trial

STATES = {
    "complete": TrialState.COMPLETE,
    "pruned": TrialState.PRUNED,
    # Optuna's samplers overlook a FAIL and go on to draw what does not fit, or diverges. TPE keeps away from a trial
    # that is over (COMPLETE or PRUNED) and violates a constraint (optuna/samplers/_tpe/sampler.py, _split_trials);
    # PRUNED needs no value, of which there may be none, and none of these is a good one.
    "out_of_memory": TrialState.PRUNED,
    "diverged": TrialState.PRUNED,
    "dead_gradient": TrialState.PRUNED,
    "stagnant_evaluation": TrialState.PRUNED,
}
"""Optuna's state per outcome; every other outcome is FAIL: it says nothing of the point."""

CONSTRAINTS = {
    "out_of_memory": {"fits the memory": 1.0},
    "diverged": {"stays finite": 1.0},
    "dead_gradient": {"has a gradient": 1.0},
    "stagnant_evaluation": {"changes its evaluation": 1.0},
}
"""What an outcome violates; a trial without constraints counts as feasible."""


def state_of(trial: Trial, objective: Objective) -> TrialState:
    """Returns how a trial ended in Optuna's words; one that is complete and has no value has failed."""
    state = STATES.get(trial.outcome or "", TrialState.FAIL)
    measured = trial.best(objective.metric, objective.direction) is not None
    return state if measured or trial.outcome in CONSTRAINTS else TrialState.FAIL


def frozen(
    trial: Trial, distributions: Mapping[str, BaseDistribution], objective: Objective, ended: float | None = None
) -> FrozenTrial:
    """Returns a trial that has ended; its steps are rungs counted from 1, not training steps.

    Args:
        trial: As recorded.
        distributions: Of the axes of its search, by key.
        objective: What the sweep optimises.
        ended: When, in Unix seconds; None where nobody asks.
    """
    best, state = trial.best(objective.metric, objective.direction), state_of(trial, objective)
    made = optuna.trial.create_trial(
        state=state,
        value=best[1][objective.metric] if best and state == TrialState.COMPLETE else None,
        params={key: label(value) for key, value in trial.params.items()},
        distributions={key: distributions[key] for key in trial.params},
        intermediate_values={
            index: values[objective.metric]
            for index, (_, values) in enumerate(trial.rungs, start=1)
            if math.isfinite(values.get(objective.metric, math.nan))
        },
        user_attrs={"trial": trial.id, "outcome": trial.outcome},
        constraints=CONSTRAINTS.get(trial.outcome or ""),
    )
    if ended is not None:
        made.datetime_complete = datetime.datetime.fromtimestamp(ended)
        made.datetime_start = datetime.datetime.fromtimestamp(trial.started or ended)
    return made
