"""`lora-report diagnose`: light until it runs."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.store_options import add_output, add_store

if TYPE_CHECKING:
    from analysis.recorded_run import RecordedRun

    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

_SAYS = """Says what a training curve shows, and what the tuning guides advise for this very configuration: for a run or
a sweep in MLflow, and for anybody's transformers or TRL run by its trainer_state.json."""


def add(commands: Commands, uri: str, shown_uri: str) -> None:
    """Adds the command to the command line's grammar.

    Args:
        commands: argparse's subparsers.
        uri: Where MLflow records, unless told otherwise.
        shown_uri: The same as the help may show it.
    """
    command = commands.add_parser("diagnose", help="say what a run's curve shows, and what to try", description=_SAYS)
    command.add_argument(
        "target",
        nargs="?",
        metavar="PATH|RUN",
        help="a trainer_state.json or the folder of one, else a sweep's, run's or trial's name or id "
        "(default: the latest sweep)",
    )
    command.add_argument("--sweep", metavar="NAME", help="the sweep that a trial is looked for in")
    command.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="another bound, as thresholds.spike=2 or criteria.loss_drop=0.1 (default: the sweep's own)",
    )
    command.add_argument("--all", action="store_true", help="tell every trial of a sweep, not only the winner")
    add_store(command, uri, shown_uri)
    add_output(command, ["md", "json"])
    command.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> str:
    """Returns what the command says.

    Raises:
        ReportError: There is no such run, or it cannot be read.
    """
    from analysis.bounds import bounds, read
    from analysis.diagnosis_page import diagnosed, to_json, to_markdown

    typed = read(parsed.set)
    runs, sweep = _found(parsed)
    items = [diagnosed(item, bounds(item.bounds, typed)) for item in runs]
    return to_json(items, sweep) if parsed.format == "json" else to_markdown(items, sweep, every=parsed.all)


def _found(parsed: argparse.Namespace) -> tuple[list[RecordedRun], str | None]:
    """Reads the runs, and returns the name of the sweep if it is one; a file wins over a run of its name."""
    if parsed.target is not None and parsed.sweep is None and _is_there(parsed.target):
        from analysis.trainer_state import read

        return [read(Path(parsed.target))], None
    from analysis.report_error import ReportError
    from analysis.run_curves import find
    from analysis.store import open_store

    try:
        store = open_store(parsed.tracking_uri)
    except ReportError as error:
        if parsed.target is None:
            raise
        raise ReportError(f"{parsed.target} is no file or folder here, and {error}") from error
    found = find(store, parsed.experiment, parsed.target, parsed.sweep)
    return found.runs, found.sweep


def _is_there(name: str) -> bool:
    try:
        return Path(name).exists()
    except (OSError, ValueError):  # too long for a file's name, or with a null byte in it
        return False
