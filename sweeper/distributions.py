"""Axes as Optuna's distributions, and their values as Optuna's labels."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from sweeper.space import Axis, Choices


def distribution(axis: Axis) -> BaseDistribution:
    """Returns an axis as Optuna's distribution; values that are no scalars stand under their JSON text."""
    if isinstance(axis, Choices):
        return CategoricalDistribution([label(value) for value in axis.values])
    if axis.integer:
        return IntDistribution(int(axis.low), int(axis.high), log=axis.log)
    return FloatDistribution(axis.low, axis.high, log=axis.log)


def suggest(trial: optuna.Trial, axis: Axis) -> Any:
    """Returns the label that a trial draws on an axis."""
    if isinstance(axis, Choices):
        return trial.suggest_categorical(axis.key, [label(value) for value in axis.values])
    if axis.integer:
        return trial.suggest_int(axis.key, int(axis.low), int(axis.high), log=axis.log)
    return trial.suggest_float(axis.key, axis.low, axis.high, log=axis.log)


def is_on(axis: Axis, value: Any) -> bool:
    """True for a value that an axis holds."""
    return value in axis.values if isinstance(axis, Choices) else bool(axis.low <= value <= axis.high)


def label(value: Any) -> Any:
    """Returns a value as Optuna keeps it: a scalar itself, anything else as JSON."""
    return value if value is None or isinstance(value, (bool, int, float, str)) else json.dumps(value)


def value_of(axis: Axis, text: Any) -> Any:
    """Returns the value that a label of an axis stands for."""
    if not isinstance(axis, Choices):
        return text
    return next(value for value in axis.values if label(value) == text and type(label(value)) is type(text))


def key_of(point: Mapping[str, Any]) -> str:
    """Returns what tells a point from others."""
    return json.dumps(point, sort_keys=True)
