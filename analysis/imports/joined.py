"""A table's row without metrics says what a Trainer's folder of its name does not: the learning rate, the data."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from analysis.imports.gain import completed
from analysis.imports.imported_run import ImportedRun
from analysis.imports.problem import Problem


def joined(listed: Sequence[ImportedRun], trained: Sequence[ImportedRun]) -> tuple[list[ImportedRun], list[Problem]]:
    """Puts together what a table and a folder say of one run.

    Args:
        listed: The runs of tables.
        trained: The runs of folders.

    Returns:
        All runs, each once, and where the two contradict each other.
    """
    folders = {run.name: run for run in trained}
    more = {run.name: run for run in listed if run.name in folders and not (run.points or run.stated)}
    whole = [_whole(run, more[run.name]) if run.name in more else run for run in trained]
    problems = [problem for name, run in more.items() for problem in _contradictions(folders[name], run)]
    return [*(run for run in listed if run.name not in more), *whole], problems


def _whole(run: ImportedRun, row: ImportedRun) -> ImportedRun:
    params, _ = completed({**row.params, **run.params})
    return dataclasses.replace(run, params=params, notes=row.notes)


def _contradictions(run: ImportedRun, row: ImportedRun) -> Iterator[Problem]:
    for key, value in row.params.items():
        if key in run.params and run.params[key] != value:
            rule = f"{run.source} says {run.params[key]}"
            yield Problem(row.source, key, str(value), rule, "leave the cell empty, or rename the row")
