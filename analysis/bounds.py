"""What curves are held against: the defaults, what a sweep was recorded with, and what is typed for a report."""

from __future__ import annotations

import dataclasses
import difflib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from analysis.criteria import Criteria
from analysis.report_error import ReportError
from analysis.thresholds import Thresholds

Values = Mapping[str, Mapping[str, Any]]
"""Values that are not the defaults, under `thresholds` and `criteria`, as a sweep records them."""


@dataclass(frozen=True)
class Bounds:
    """From where on a curve shows something, and when it is a success."""

    thresholds: Thresholds = field(default_factory=Thresholds)
    criteria: Criteria = field(default_factory=Criteria)


KEYS = {
    f"{group.name}.{item.name}": item
    for group, kind in zip(dataclasses.fields(Bounds), (Thresholds, Criteria), strict=True)
    for item in dataclasses.fields(kind)
}
"""Every bound under its name in the group `diagnosis` of a sweep's configuration."""


def bounds(recorded: Values, typed: Mapping[str, float] | None = None) -> Bounds:
    """Returns the bounds of a run.

    Args:
        recorded: Those of its sweep that are not the defaults; names that are none any more are left out.
        typed: Others, from `read`, which go before.
    """
    groups = {group: values for group, values in recorded.items() if isinstance(values, Mapping)}
    flat = {f"{group}.{name}": value for group, values in groups.items() for name, value in values.items()}
    asked = {key: value for key, value in {**flat, **(typed or {})}.items() if key in KEYS}

    def of(group: str) -> dict[str, Any]:
        return {key.partition(".")[2]: value for key, value in asked.items() if key.startswith(f"{group}.")}

    return Bounds(Thresholds(**of("thresholds")), Criteria(**of("criteria")))


def read(typed: Sequence[str]) -> dict[str, float]:
    """Reads `KEY=VALUE` from a command line; `diagnosis.` may stand before a key, as it does in a sweep's.

    Raises:
        ReportError: There is no such bound, or its value is no number that it can have.
    """
    pairs = [item.removeprefix("diagnosis.").partition("=") for item in typed]
    return {key: _number(key, value) for key, _, value in pairs}


def _number(key: str, text: str) -> float:
    if key not in KEYS:
        close = difflib.get_close_matches(key, KEYS, n=1, cutoff=0.3) or ["KEY"]
        raise ReportError(f"--set {key}={text}: there is no such bound; try: --set {close[0]}=VALUE")
    try:
        value = int(text) if isinstance(KEYS[key].default, int) else float(text)
    except ValueError:
        value = math.nan
    if not value >= 0 or math.isinf(value):
        kind = "a whole number" if isinstance(KEYS[key].default, int) else "a number"
        raise ReportError(f"--set {key}={text}: must be {kind} of at least 0; try: --set {key}={KEYS[key].default}")
    return value
