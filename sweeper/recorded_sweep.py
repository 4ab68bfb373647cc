"""A sweep for its report from the log alone: what `analysis.recording` reads from MLflow."""

from __future__ import annotations

import dataclasses
import functools
import math
import sys

from analysis.curve import Curve, Points
from analysis.recorded_sweep import RecordedSweep
from sweeper.entry import Entry
from sweeper.ledger import Ledger
from sweeper.trial_curve import curve_of

_LARGEST = sys.float_info.max  # what stands for an infinity (sweeper.ledger.point)


def recorded(ledger: Ledger) -> RecordedSweep:
    """Returns a sweep as its log tells it, equal to what MLflow holds once all is delivered there."""
    records = ledger.records
    outcomes = {row.trial: row.outcome for row in records.trials}
    return RecordedSweep(
        records=records,
        tags=ledger.tags,
        curve=functools.cache(lambda trial: _curve(ledger.entries[trial], outcomes[trial])),
        points=functools.cache(lambda trial, name: _points(ledger.entries[trial], name)),
        started=_seconds(ledger.started_ms),
        ended=_seconds(ledger.ended_ms),
    )


def _seconds(ms: int | None) -> float | None:
    return None if ms is None else ms / 1000


def _curve(entry: Entry, outcome: str) -> Curve:
    return dataclasses.replace(curve_of(entry.trial), outcome=outcome)


def _points(entry: Entry, name: str) -> Points:
    """Returns a metric's points; of a step that was recorded again, the later one."""
    mine = sorted((item for item in entry.points if item.key == name), key=lambda item: (item.step, item.ms))
    return tuple({item.step: _value(item.value) for item in mine}.items())


def _value(kept: float) -> float:
    return math.copysign(math.inf, kept) if abs(kept) >= _LARGEST else kept
