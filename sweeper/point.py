"""A metric's value as MLflow keeps it."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from typing import NamedTuple

_NAN = math.nan  # one object, so that points with it can be found in a set
_LARGEST = sys.float_info.max  # what MLflow keeps for an infinity (sqlalchemy_store.sanitize_metric_value)


class Point(NamedTuple):
    """A metric's value as MLflow keeps it; `ms` is Unix time in milliseconds."""

    key: str
    value: float
    ms: int
    step: int


def point(key: str, value: float, ms: int, step: int) -> Point:
    """Returns a point as it comes back from MLflow: infinities are large numbers there."""
    kept = _NAN if math.isnan(value) else max(-_LARGEST, min(_LARGEST, float(value)))
    return Point(key, kept, ms, step)


def points(values: Mapping[str, float], stamp: float, step: int) -> list[Point]:
    """Returns the points of a record; `stamp` is Unix time in seconds."""
    return [point(key, value, milliseconds(stamp), step) for key, value in values.items()]


def milliseconds(seconds: float) -> int:
    """Returns Unix time as MLflow counts it; records have no more digits."""
    return int(seconds * 1000)
