"""What each stage of a procedure decided, by which numbers, and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from analysis.evidence import Evidence
from analysis.json_tag import mapping
from analysis.markdown import escape, table
from analysis.records import NUMBERS, SAMPLER

_COLUMNS = ("realised_gain", "tokens_per_s", "bleed_rate")
"""Numbers of each candidate, besides its value."""

_LISTED = ("values", "means", *_COLUMNS)


def lines(evidence: Evidence) -> Iterator[str]:
    """Yields the section; a plain search decided nothing by stages, and says how it chose."""
    yield from ("## Decisions", "")
    records, tags = evidence.sweep.records, evidence.sweep.tags
    if not records.decisions:
        yield from (_single(evidence), "")
        return
    told = {stage: mapping(tags, f"{NUMBERS}{stage}") for stage in records.decisions}
    first = {trial.stage: trial.number for trial in reversed(records.trials)}
    # Without a recorded order (old logs), by each stage's first trial; skipped ones have none, and come last.
    places = {stage: told[stage].get("order", first.get(stage, len(records.trials))) for stage in told}
    sign = -1 if records.direction == "maximize" else 1
    for stage in sorted(told, key=lambda stage: places[stage]):
        yield from _stage(stage, records.decisions[stage], told[stage], records.metric, sign)


def _single(evidence: Evidence) -> str:
    records = evidence.sweep.records
    pruned = sum(trial.outcome == "pruned" for trial in records.trials)
    chosen = evidence.sweep.tags.get(SAMPLER)
    by = f", its points chosen by {escape(chosen)}" if chosen else ""
    stopped = f" {pruned} trials were stopped early in comparison with others." if pruned else ""
    least = "smallest" if records.direction == "minimize" else "largest"
    rule = f"the {least} {escape(records.metric)} among the trials that completed takes the first place"
    return f"One search{by}: {rule}.{stopped}"


def _stage(stage: str, reason: str, told: Mapping[str, Any], metric: str, sign: int) -> Iterator[str]:
    yield from (f"### {escape(stage)}", "")
    if told.get("why"):
        yield from (f"*{escape(str(told['why']))}*", "")
    told_reason = "S" + reason[1:] if reason.startswith("skipped") else reason  # others begin with a parameter
    yield from (f"{escape(told_reason).rstrip('.')}.", "")
    numbers = told.get("numbers") or {}
    yield from _candidates(numbers, metric, sign)
    if others := list(_others({key: numbers[key] for key in numbers if not _is_told(key, reason)}, metric, sign)):
        yield from (f"Numbers: {', '.join(others)}.", "")
    if reused := (told.get("reused") or {}).get("trials"):
        counted = "1 of its trials" if reused == 1 else f"{reused} of its trials"
        yield from (f"Measured by earlier stages already: {counted}, {told['reused']['steps']:,} steps.", "")


def _is_told(key: str, reason: str) -> bool:
    """True for the noise where the reason has it already."""
    return key == "noise" and "noise ±" in reason


def _candidates(numbers: Mapping[str, Any], metric: str, sign: int) -> Iterator[str]:
    """Yields a table of the candidates; values of a maximised metric are recorded with their sign turned."""
    values = {label: _turned(value, sign) for label, value in (numbers.get("values") or {}).items()}
    columns: dict[str, Mapping[str, Any]] = {
        metric: {label: _value(value) for label, value in values.items()},
        **{key: numbers[key] for key in _COLUMNS if isinstance(numbers.get(key), dict)},
    }
    labels = list(dict.fromkeys(label for found in columns.values() for label in found))
    if labels:
        rows = [
            {"Candidate": label, **{name: _number(found.get(label)) for name, found in columns.items()}}
            for label in labels
        ]
        yield from (*table(rows), "")


def _others(numbers: Mapping[str, Any], metric: str, sign: int) -> Iterator[str]:
    for key, value in numbers.items():
        if key not in _LISTED and isinstance(value, (int, float)) and not isinstance(value, bool):
            yield f"{escape(key.replace('_', ' '))} {_number(value)}"
    for level, mean in (numbers.get("means") or {}).items():
        yield f"mean {escape(metric)} of {escape(level)} {_value(_turned(mean, sign))}"


def _turned(value: Any, sign: int) -> Any:
    return sign * value if isinstance(value, (int, float)) else value


def _value(value: Any) -> str:
    """Returns a value of the metric with four decimals, as all of the report; small ones with three digits."""
    if not isinstance(value, (int, float)):
        return _number(value)
    return f"{value:.4f}" if not value or abs(value) >= 0.001 else f"{value:.3g}"


def _number(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, (int, float)):
        return str(value)
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.5g}"
