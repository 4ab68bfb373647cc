"""The runs of transformers' and TRL's Trainers below a path."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path

from analysis import trainer_state
from analysis.curve import Curve, Points
from analysis.imports.gain import completed
from analysis.imports.imported_run import ImportedRun
from analysis.imports.problem import Problem
from analysis.report_error import ReportError

_NAMES = {"losses": "loss", "evals": "eval_loss", "learning_rates": "learning_rate", "grad_norms": "grad_norm"}


def places(path: Path) -> list[Path]:
    """Returns what to read for each run at or below a path, in the order of their names.

    Args:
        path: A `trainer_state.json`, a Trainer's output folder or one of its checkpoints, or a folder of such folders.

    Returns:
        Files or folders that `analysis.trainer_state.read` takes; of a run's checkpoints it takes the newest.
    """
    if path.is_file() or (path / trainer_state.STATE).is_file():
        return [path]
    return sorted({_run_of(Path(folder)) for folder in _folders(path)})


def _folders(path: Path) -> Iterator[str]:
    return (folder for folder, _, files in os.walk(path) if trainer_state.STATE in files)


def _run_of(folder: Path) -> Path:
    return folder.parent if folder.name.startswith("checkpoint-") else folder


def runs(paths: list[Path]) -> tuple[list[ImportedRun], list[Problem]]:
    """Reads runs, and says which cannot be read.

    Args:
        paths: From `places`; of two checkpoints of one run the later one counts.

    Returns:
        The runs. Those whose folders have one name get the names of the folders above in front of it.
    """
    found: dict[Path, ImportedRun] = {}
    problems = []
    for path in paths:
        try:
            folder, run = _run_of(trainer_state.state_file(path).resolve().parent), _run(path)
            if folder not in found or _steps(found[folder]) < _steps(run):
                found[folder] = run
        except ReportError as error:
            problems.append(Problem(str(path), "run", None, str(error), "mend it, or leave it out"))
    return _told_apart(found), problems


def _run(path: Path) -> ImportedRun:
    read = trainer_state.read(path)
    params, _ = completed(read.params)
    stated = trainer_state.costs(path)
    planned = {} if read.curve.steps is None else {"planned_steps": float(read.curve.steps)}
    reason = "it ended before its last step" if read.curve.outcome == "interrupted" else ""
    source = str(trainer_state.state_file(path))
    return ImportedRun(
        read.name, source, params, _points(read.curve), {**planned, **stated}, read.curve.outcome, reason
    )


def _points(curve: Curve) -> dict[str, Points]:
    logged = {name: getattr(curve, field) for field, name in _NAMES.items()}
    return {name: points for name, points in {**logged, **curve.measured}.items() if points}


def _told_apart(found: dict[Path, ImportedRun]) -> list[ImportedRun]:
    names = [run.name for run in found.values()]
    return [
        dataclasses.replace(run, name=f"{folder.parent.name}/{folder.name}") if names.count(run.name) > 1 else run
        for folder, run in found.items()
    ]


def _steps(run: ImportedRun) -> float:
    return run.stated.get("steps", 0.0)
