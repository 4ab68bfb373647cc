"""Everything that is to be imported, read and checked as a whole."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from analysis.imports import folders, table, table_curve, table_runs
from analysis.imports.columns import Column, columns, unusual
from analysis.imports.imported_run import ImportedRun
from analysis.imports.joined import joined
from analysis.imports.problem import Problem, refuse
from analysis.imports.summary import contradiction, summary
from analysis.imports.table import UnreadableError
from analysis.report_error import ReportError


@dataclass(frozen=True)
class Imported:
    """Runs that can be written, and what a user should read of how they were understood."""

    runs: list[ImportedRun]
    notes: list[str]


def read(paths: Sequence[Path], metric: str, direction: str) -> Imported:
    """Reads files and folders.

    Args:
        paths: CSV files, `trainer_state.json`, folders of Trainers, and folders of those.
        metric: What is to rank the runs.
        direction: `minimize` or `maximize`.

    Returns:
        The runs, those of tables first; one without a finite value of the metric has failed.

    Raises:
        ReportError: Something is wrong with them; it says everything at once.
    """
    problems: list[Problem] = []
    runs: list[ImportedRun] = []
    notes: list[str] = []
    for path in dict.fromkeys(path for path in paths if _is_table(path)):
        try:
            found, said, wrong = _of_table(path)
        except UnreadableError as error:
            problems.append(error.problem)
            continue
        runs, notes, problems = [*runs, *found], [*notes, *said], [*problems, *wrong]
    trained, wrong = folders.runs(list(_places([path for path in paths if not _is_table(path)], problems)))
    runs, contradicting = joined(runs, trained)
    problems += [*wrong, *contradicting]
    problems += [*_alike(runs), *_contradicting(runs, metric, direction)]
    refuse(problems)
    _hold(runs, metric)
    return Imported([_judged(run, metric, direction) for run in runs], notes)


def _is_table(path: Path) -> bool:
    return path.suffix.casefold() in {".csv", ".tsv", ".txt"} and not path.is_dir()


def _of_table(path: Path) -> tuple[list[ImportedRun], list[str], list[Problem]]:
    read, problems = table.read(path)
    known, wrong = columns(read)
    problems += wrong
    if not any(column.key == "name" for column in known):
        return [], [], problems
    runs, wrong = table_runs.runs(read, known)
    comma = [f"{path}: decimal commas are read as such"] if read.comma else []
    return runs, [*_mapped(path, known), *comma], sorted([*problems, *wrong], key=_line)


def _line(problem: Problem) -> int:
    return int(problem.where.rpartition(":")[2])


def _mapped(path: Path, known: Sequence[Column]) -> Iterator[str]:
    """Says which columns are recorded under other names, which are metrics, and which are left out."""
    renamed = [column for column in known if column.is_renamed and column.role != "ignored"]
    if renamed:
        yield f"{path}: " + ", ".join(f"{column.header} -> {column.key}" for column in renamed)
    metrics = [column.key for column in known if column.role == "metric"]
    if metrics:
        yield f"{path}: metrics: {', '.join(metrics)}"
    if left := [column.header for column in known if column.role == "ignored"]:
        yield f"{path}: left out: {', '.join(left)} (computed again)"
    if odd := unusual(list(known)):
        yield f"{path}: no parameters of lora-sweep, recorded as they are: {', '.join(odd)}"


def _places(paths: Sequence[Path], problems: list[Problem]) -> Iterator[Path]:
    for path in paths:
        found = folders.places(path) if path.exists() else []
        if not found:
            rule = "holds no trainer_state.json" if path.exists() else "is no file or folder"
            problems.append(Problem(str(path), "path", None, rule, "give a CSV file or a Trainer's output folder"))
        yield from found


def _alike(runs: Sequence[ImportedRun]) -> Iterator[Problem]:
    """Finds one name in several files; rows of one file are looked at there."""
    first: dict[str, ImportedRun] = {}
    for run in runs:
        other = first.setdefault(run.name, run)
        if _file(other) != _file(run):
            yield Problem(run.source, "name", run.name, f"is the name of {other.source} as well", "rename one of them")


def _file(run: ImportedRun) -> str:
    file, _, line = run.source.rpartition(":")
    return file if line.isdigit() and file else run.source


def _contradicting(runs: Sequence[ImportedRun], metric: str, direction: str) -> Iterator[Problem]:
    for run in runs:
        if why := contradiction(run, metric, direction):
            key, value = f"best_{metric}", f"{run.stated[f'best_{metric}']:g}"
            yield Problem(run.source, key, value, why, "correct one of the two")


def _hold(runs: Sequence[ImportedRun], metric: str) -> None:
    keys = {key.removeprefix("best_") for run in runs for key in (*run.points, *run.stated)}
    known = sorted(key for key in keys - _NO_METRICS if not key.startswith("final_"))
    if metric not in known:
        there = f"there are: {', '.join(known)}" if known else "they hold no metric at all"
        raise ReportError(f"nothing was imported: no run has --metric {metric}; {there}")


_NO_METRICS = {*table_curve.COSTS, "epoch", "step", "learning_rate", "grad_norm"}


def _judged(run: ImportedRun, metric: str, direction: str) -> ImportedRun:
    """Returns a run, as failed where it is said to be complete and has no value."""
    if run.outcome != "complete" or f"best_{metric}" in summary(run, metric, direction):
        return run
    return dataclasses.replace(run, outcome="failed", reason=f"no finite {metric} in {run.source}")
