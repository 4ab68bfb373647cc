"""Whom alarms stop in recorded sweeps, what that saves, and whether the winner is among them.

Run: python -m benchmarks.alarms
The curves are real sweeps' of the bundled model: 100 trials with their evaluations (`tiny_lora.csv`), and 32 with every
logged point, up to rates at which nothing is learned any more (`tiny_whole.csv`). Every trial is judged at each of its
rungs on what was recorded by then, as the driver does.
Wanted: the first place is never stopped.
"""

from __future__ import annotations

import csv
import dataclasses
import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from benchmarks.markdown import table
from sweeper.alarms import alarms
from sweeper.decisions import Objective
from sweeper.history import Trial
from sweeper.settings import Diagnosis
from trainers.trial import Data, Lora, Model, Quantization, Training, TrialConfig

TABLES = tuple(sorted((Path(__file__).parent / "curves").glob("tiny_*.csv")))

_CONFIG = TrialConfig(Model("m", "m"), Quantization(), Lora(8, 16), Data("rows", "rows.csv"), Training(1e-3))
_LOGGED = {"loss", "learning_rate", "grad_norm"}


@dataclasses.dataclass(frozen=True)
class Judged:
    """A recorded trial's place among all by its best evaluation, and where an alarm stops it: step and verdict."""

    place: int
    steps: int
    stopped: tuple[int, str] | None


def judged(path: Path) -> list[Judged]:
    """Judges every trial of a table.

    Args:
        path: Recorded curves, the rows of a trial one after the other.

    Returns:
        The trials in order of their places.
    """
    rows = csv.DictReader(path.open())
    trials = [_recorded(list(group)) for _, group in itertools.groupby(rows, key=_parameters)]
    ordered = sorted(trials, key=lambda trial: min(values["eval_loss"] for _, values in trial.rungs))
    return [Judged(place, trial.steps or 0, _stopped(trial)) for place, trial in enumerate(ordered, start=1)]


def _parameters(row: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(value for key, value in row.items() if "." in key)


def _recorded(rows: Sequence[Mapping[str, str]]) -> Trial:
    made = Trial("t", 0, {}, dataclasses.asdict(_CONFIG))
    for row in rows:
        values = {key: float(value) for key, value in row.items() if value and "." not in key and key != "step"}
        if logged := {key: values[key] for key in _LOGGED & values.keys()}:
            made.curve.append((int(row["step"]), logged))
        if "eval_loss" in values:
            made.rungs.append((int(row["step"]), {"eval_loss": values["eval_loss"]}))
    made.steps = made.rungs[-1][0]
    return made


def _stopped(trial: Trial) -> tuple[int, str] | None:
    judge = alarms(Diagnosis(), Objective("eval_loss", "minimize"))
    found = ((step, judge(prefix)) for step, prefix in _prefixes(trial))
    return next(((step, verdict.name) for step, verdict in found if verdict is not None), None)


def _prefixes(trial: Trial) -> Iterator[tuple[int, Trial]]:
    """Yields a trial as it was at each rung but its last, where it is complete whatever its curve shows."""
    for until, _ in trial.rungs[:-1]:
        curve, rungs = ([item for item in part if item[0] <= until] for part in (trial.curve, trial.rungs))
        yield until, dataclasses.replace(trial, curve=curve, rungs=rungs)


def _row(path: Path) -> list[str]:
    trials = judged(path)
    stopped = [trial for trial in trials if trial.stopped is not None]
    saved = sum(trial.steps - trial.stopped[0] for trial in stopped if trial.stopped is not None)
    best = str(min((trial.place for trial in stopped), default="none"))
    return [path.stem, str(len(trials)), str(len(stopped)), best, f"{saved / sum(item.steps for item in trials):.1%}"]


def main() -> None:
    print(table(["Sweep", "trials", "stopped", "best place stopped", "steps saved"], [_row(path) for path in TABLES]))


if __name__ == "__main__":
    main()
