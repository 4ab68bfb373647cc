"""What a diagnosis says, for people and for programs."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from analysis.bounds import Bounds
from analysis.criteria import Judged, criteria_table, judged
from analysis.diagnosis import diagnose
from analysis.markdown import escape, table
from analysis.recorded_run import RecordedRun
from analysis.remedies import remedies
from analysis.remedy import Remedy
from analysis.verdict import Verdict


@dataclass(frozen=True)
class Diagnosed:
    """A run, what its curve shows, what is advised after each verdict, and the criteria it met."""

    run: RecordedRun
    verdicts: list[tuple[Verdict, list[Remedy]]]
    criteria: list[Judged]


def diagnosed(run: RecordedRun, held_against: Bounds) -> Diagnosed:
    """Returns a run's diagnosis."""
    verdicts = diagnose(run.curve, held_against.thresholds)
    return advised(run, verdicts, judged(run.curve, held_against.criteria))


def advised(run: RecordedRun, verdicts: Sequence[Verdict], criteria: Sequence[Judged]) -> Diagnosed:
    """Puts the advice to verdicts; what an earlier one advised is not advised again."""
    told: set[tuple[str, str]] = set()
    found = []
    for verdict in verdicts:
        advice = [item for item in remedies(verdict, run.params) if (item.override, item.text) not in told]
        told |= {(item.override, item.text) for item in advice}
        found.append((verdict, advice))
    return Diagnosed(run, found, list(criteria))


def to_markdown(items: Sequence[Diagnosed], sweep: str | None = None, every: bool = False) -> str:
    """Returns a page.

    Args:
        items: The runs; a sweep's in the order of their places.
        sweep: The sweep's name, None for a single run.
        every: Whether each trial of a sweep is told in full, in place of the winner alone.
    """
    if sweep is None:
        return "\n".join(line for item in items for line in _page(item, "#")) + "\n"
    lines = [f"# Diagnosis of {escape(sweep)}", "", *table(_rows(items))]
    for item in items if every else items[:1]:
        lines += ["", *_page(item, "##", "" if every or item.run.place != 1 else ", the winner")]
    return "\n".join(lines) + "\n"


def words(verdict: Verdict) -> str:
    """Returns a verdict's name as one would say it: `no meaningful learning`, `LR exhausted`."""
    return verdict.name.replace("_", " ").replace("lr ", "LR ")


# What a trial's name tells already.
_NAMED = {"lora.r", "lora.alpha", "lora.gain", "lora.dropout", "training.lr_scheduler_type", "data", "data.name"}


def _rows(items: Sequence[Diagnosed]) -> list[dict[str, str]]:
    swept = dict.fromkeys(key for item in items for key in item.run.swept if key not in _NAMED)
    return [_row(item, list(swept)) for item in items]


def _row(item: Diagnosed, swept: Sequence[str]) -> dict[str, str]:
    found = [verdict for verdict, _ in item.verdicts]
    main = found[0] if found else None
    return {
        "Place": str(item.run.place or ""),
        "Trial": item.run.name,
        **{key: _value(item.run.params.get(key)) for key in swept},
        "Verdict": "nothing to say" if main is None else words(main),
        "Strength": "" if main is None else f"{main.strength:.2f}",
        "From step": "" if main is None or main.step is None else str(main.step),
        "Also": ", ".join(map(words, found[1:])),
        "Outcome": item.run.curve.outcome.replace("_", " "),
    }


def _value(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return "" if value is None else str(value)


def _page(item: Diagnosed, mark: str, said: str = "") -> Iterator[str]:
    yield f"{mark} {escape(item.run.name)}{said}"
    yield ""
    if not item.verdicts:
        yield from ("Its curve is too short to say anything, or shows nothing.", "")
    for verdict, advice in item.verdicts:
        yield from _told(verdict, advice)
    yield from (f"{mark}# Success criteria", "", *criteria_table(item.criteria))


def _told(verdict: Verdict, advice: Sequence[Remedy]) -> Iterator[str]:
    since = "" if verdict.step is None else f", from step {verdict.step}"
    yield f"**{words(verdict)}** (strength {verdict.strength:.2f}{since}): {escape(verdict.evidence)}"
    yield ""
    for number, item in enumerate(advice, start=1):
        # A code span shows everything as it is, and ends at the first of its own marks.
        typed = f": `{item.override.replace('`', '')}`" if item.override else ""
        yield f"{number}. {escape(item.text)}{typed} ({item.source})"
    if advice:
        yield ""


def to_text(item: Diagnosed) -> str:
    """Returns a few lines for a terminal: every verdict with its first remedy that can be typed, criteria counted."""
    lines = [_in_short(verdict, advice) for verdict, advice in item.verdicts] or ["nothing: it is too short"]
    counted = [count for level in ("minimum", "optimal") if (count := _counted(item.criteria, level))]
    criteria = [f"Success criteria: {', '.join(counted)}"] if counted else []
    return "\n".join(["What the winner's curve shows:", *(f"  {line}" for line in lines), *criteria])


def _in_short(verdict: Verdict, advice: Sequence[Remedy]) -> str:
    typed = next((item.override for item in advice if item.override), None)
    return f"{words(verdict)}: {verdict.evidence}" + (f"; try {typed}" if typed else "")


def _counted(criteria: Sequence[Judged], level: str) -> str:
    """Returns `5 of 5 minimum`, of those of which the curve says something."""
    known = [item.met for item in criteria if item.level == level and item.met is not None]
    return f"{sum(known)} of {len(known)} {level}" if known else ""


def to_json(items: Sequence[Diagnosed], sweep: str | None = None) -> str:
    """Returns `{"sweep", "runs": [{"name", "place", "outcome", "steps", "verdicts": […], "criteria": […]}]}`.

    A verdict has `name`, `strength`, `step`, `evidence` and `remedies` (`override`, `text`, `source`); a criterion
    `name`, `level`, `value`, `wanted`, `met`. What is not known, or no finite number, is null.
    """
    return json.dumps({"sweep": sweep, "runs": [_record(item) for item in items]}, indent=2, allow_nan=False)


def _record(item: Diagnosed) -> dict[str, Any]:
    run = item.run
    return {
        "name": run.name,
        "place": run.place,
        "outcome": run.curve.outcome,
        "steps": run.curve.steps,
        "verdicts": [
            {**_plain(verdict), "remedies": [_plain(remedy) for remedy in advice]} for verdict, advice in item.verdicts
        ],
        "criteria": [_plain(row) for row in item.criteria],
    }


def _plain(item: Verdict | Remedy | Judged) -> dict[str, Any]:
    values = vars(item)
    return {
        key: None if isinstance(value, float) and not math.isfinite(value) else value for key, value in values.items()
    }
