"""What an import says of itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from analysis.imports.found import Imported
from analysis.imports.gain import ALPHA, GAIN, RSLORA, R
from analysis.imports.imported_run import ImportedRun

_WANTED = (R, ALPHA, "lora.dropout", "training.learning_rate", "training.lr_scheduler_type", "data.name")


def lines(imported: Imported, sweep: str, metric: str, trashed: int, places: Sequence[str]) -> Iterator[str]:
    """Returns what came of an import, line by line.

    Args:
        imported: What was read.
        sweep: The sweep it became.
        metric: What ranks it.
        trashed: How many runs it replaced.
        places: Options that later commands need to find it.
    """
    runs = imported.runs
    points = sum(len(values) for run in runs for key, values in run.points.items() if key != "epoch")
    yield f"Sweep {sweep}: {_counted(len(runs), 'run')} ({_outcomes(runs)}) with {_counted(points, 'point')} of curves."
    if trashed:
        yield f"It replaces an import of before: {_counted(trashed, 'run')} in MLflow's trash."
    yield from imported.notes
    yield from _unknown(runs)
    for run in runs:
        if run.outcome == "failed" and run.reason.startswith("no finite"):
            yield f"{run.name} is recorded as failed: {run.reason}"
    more = "".join(f" {item}" for item in places)
    yield "\nNext:"
    yield from (f"  lora-report {command} {sweep}{more}" for command in ("leaderboard", "report", "diagnose"))


def _counted(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def _outcomes(runs: Sequence[ImportedRun]) -> str:
    counted = Counter(run.outcome.replace("_", " ") for run in runs)
    return ", ".join(f"{count} {outcome}" for outcome, count in sorted(counted.items()))


def _unknown(runs: Sequence[ImportedRun]) -> Iterator[str]:
    missing = {key: sum(key not in run.params for run in runs) for key in _WANTED}
    if told := [f"{key} (of {_of(count, runs)})" for key, count in missing.items() if count]:
        yield f"Not known: {', '.join(told)}."
    if any(RSLORA not in run.params and run.params.get(ALPHA) is not None and R in run.params for run in runs):
        yield f"{RSLORA} is not known of every run: gain is alpha/r there, as PEFT computes it unless told otherwise."
    if any(GAIN in run.params for run in runs):
        yield "Where alpha is not given, it is gain * r."
    if by_epoch := sum(run.by_epoch for run in runs):
        yield f"Steps are not known (of {_of(by_epoch, runs)}): points are counted from 1, with their epochs beside."


def _of(count: int, runs: Sequence[ImportedRun]) -> str:
    return "all" if count == len(runs) else f"{count} of {len(runs)}"
