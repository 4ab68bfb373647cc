"""How much of the objective each parameter explains, by Optuna's public evaluators.

fANOVA (Hutter et al. 2014) asks how much of the whole range a parameter explains, and takes time that grows with the
square of the trials: 0.2 s for 30 trials of six parameters, 0.8 s for 100, 5 s for 300, 30 s for 1,000. PED-ANOVA
(Watanabe et al. 2023) asks what tells the best tenth from all: 0.02 s for 1,000, but of 30 trials it would be three. So
fANOVA serves up to 100 trials, PED-ANOVA beyond, and which of the two it was is recorded.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sweeper.candidates import SEED
from sweeper.distributions import label
from sweeper.history import Direction, Trial
from sweeper.ledger import Ledger
from sweeper.settled import MEASURING
from trainers.trial import flatten, from_mapping

FEWEST_TRIALS, FEWEST_PARAMETERS = 8, 2
"""Fewer say nothing: with eight trials the largest share is often chance still, and a single parameter has it all."""

MOST_FOR_FANOVA = 100

_MOST_LEVELS = 8
"""Numbers with more values than that are taken for points of a range, with fewer for levels."""

_WIDE = 10.0
"""The ratio from which on a range of positive numbers is taken by its logarithm, as people sweep it."""

_NO_PARAMETER = {SEED, *MEASURING, "training.eval_steps", "training.logging_steps"}

# What often follows from another parameter: of two that always change together, the other is told.
_FOLLOWS = ("lora.alpha", "lora.gain", "training.max_steps", "training.num_train_epochs", "training.warmup_steps")

Rows = Mapping[str, Sequence[Any]]


def of(ledger: Ledger) -> dict[str, Any] | None:
    """Computes a sweep's importances.

    Args:
        ledger: What its log tells.

    Returns:
        `evaluator` (`fanova` or `ped-anova`), `values` (shares by parameter, the largest first, which add up to 1) and
        `trials`, the number of complete ones; None where there is too little to say, or the evaluator fails.
    """
    try:
        rows, values = _measured(ledger)
        few = len(values) < FEWEST_TRIALS or len(rows) < FEWEST_PARAMETERS
        return None if few else _evaluated(rows, values, ledger.objective.direction)
    except Exception:
        logging.getLogger(__name__).warning("No importances could be computed", exc_info=True)
        return None


def _measured(ledger: Ledger) -> tuple[Rows, list[float]]:
    """Returns what the complete trials varied, and what they reached."""
    metric, direction = ledger.objective.metric, ledger.objective.direction
    complete = [entry.trial for entry in ledger.entries.values() if _counts(entry.trial)]
    found = [(trial, trial.best(metric, direction)) for trial in complete]
    valued = [(trial, best[1][metric]) for trial, best in found if best is not None]
    return _varied([trial for trial, _ in valued]), [value for _, value in valued]


def _counts(trial: Trial) -> bool:
    return trial.outcome == "complete" and not trial.short and not trial.is_reference


def _varied(trials: Sequence[Trial]) -> dict[str, list[Any]]:
    """Returns the values of every parameter that was varied, one per trial, each of those that change together once."""
    keys = dict.fromkeys(key for trial in trials for key in trial.params if key not in _NO_PARAMETER)
    flat = [flatten(from_mapping(trial.config)) for trial in trials]
    values = {
        key: [_value(key, trial, config) for trial, config in zip(trials, flat, strict=True)]
        for key in sorted(keys, key=lambda key: key in _FOLLOWS)
    }
    kept: dict[str, list[Any]] = {}
    for key, row in values.items():
        if len(set(row)) > 1 and not any(_changes_with(row, other) for other in kept.values()):
            kept[key] = row
    return kept


def _value(key: str, trial: Trial, config: Mapping[str, Any]) -> Any:
    """Returns what a trial ran with, whether it set that or held it; a group's option by its name."""
    return label(trial.params.get(key, config.get(key, config.get(f"{key}.name"))))


def _changes_with(row: Sequence[Any], other: Sequence[Any]) -> bool:
    """True where each value of one always meets the same value of the other, in more than a few chance pairs."""
    pairs = len(set(zip(row, other, strict=True)))
    return pairs == len(set(row)) == len(set(other)) and 2 * pairs <= len(row)


def _evaluated(rows: Rows, values: Sequence[float], direction: Direction) -> dict[str, Any]:
    import optuna  # a second to import, as scikit-learn's forests are: not for a sweep that has none

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    axes = {key: _distribution(row) for key, row in rows.items()}
    study = optuna.create_study(direction=direction)
    study.add_trials(
        optuna.trial.create_trial(params=point, distributions=axes, value=value)
        for point, value in zip(_points(rows, axes), values, strict=True)
    )
    few = len(values) <= MOST_FOR_FANOVA
    importance = optuna.importance
    evaluator = importance.FanovaImportanceEvaluator(seed=0) if few else importance.PedAnovaImportanceEvaluator()
    found = importance.get_param_importances(study, evaluator=evaluator)
    shares = {key: round(float(share), 4) for key, share in found.items()}
    if not all(map(math.isfinite, shares.values())):
        raise ValueError(f"shares are not finite: {shares}")
    return {"evaluator": "fanova" if few else "ped-anova", "values": shares, "trials": len(values)}


def _points(rows: Rows, axes: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    from optuna.distributions import CategoricalDistribution

    named = {key: isinstance(axis, CategoricalDistribution) for key, axis in axes.items()}
    for values in zip(*rows.values(), strict=True):
        point = dict(zip(rows, values, strict=True))
        yield {key: _level(value) if named[key] else float(value) for key, value in point.items()}


def _level(value: Any) -> str:
    return json.dumps(value)  # 1, 1.0 and true are equal to Python, and are not the same option


def _distribution(row: Sequence[Any]) -> Any:
    from optuna.distributions import CategoricalDistribution, FloatDistribution

    numbers = [value for value in row if isinstance(value, (int, float)) and not isinstance(value, bool)]
    distinct = sorted(set(numbers))
    if len(numbers) < len(row) or len(distinct) <= _MOST_LEVELS:
        return CategoricalDistribution(sorted(set(map(_level, row))))
    low, high = float(distinct[0]), float(distinct[-1])
    return FloatDistribution(low, high, log=low > 0 and high / low >= _WIDE)
