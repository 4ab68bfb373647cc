"""`lora-report report`: light until it runs."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.store_options import add_store

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

_SAYS = """Writes what a sweep has found, from MLflow alone: ranking with ties, winner, what each parameter does and
what cannot be said, recommended configuration, alternatives, training curve, decisions, what was spent, provenance;
with pictures."""


def add(commands: Commands, uri: str, shown_uri: str) -> None:
    """Adds the command to the command line's grammar.

    Args:
        commands: argparse's subparsers.
        uri: Where MLflow records, unless told otherwise.
        shown_uri: The same as the help may show it.
    """
    command = commands.add_parser("report", help="write what a sweep has found", description=_SAYS)
    command.add_argument("sweep", nargs="?", help="the sweep's name (default: the latest)")
    command.add_argument(
        "--output", type=Path, dest="folder", metavar="DIR", help="the folder to write to (default: runs/SWEEP)"
    )
    command.add_argument(
        "--format",
        choices=["md", "html"],
        help="report.md with figures/, or one self-contained report.html (default: both)",
    )
    command.add_argument(
        "--noise", type=noise, metavar="X", help="the smallest difference that counts, in the metric's unit"
    )
    add_store(command, uri, shown_uri)
    command.set_defaults(run=run)


def noise(text: str) -> float:
    """Reads a noise level from a command line.

    Raises:
        ArgumentTypeError: It is no finite number of at least 0.
    """
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a number of at least 0; try: 0.003")
    return value


def run(parsed: argparse.Namespace) -> str:
    """Writes the report and returns what to say of it.

    Raises:
        ReportError: There is no such sweep, the store does not answer, or the folder cannot be written.
    """
    from analysis.recording import read
    from analysis.report.writing import FORMATS, write
    from analysis.report_error import ReportError
    from analysis.store import open_store

    sweep = read(open_store(parsed.tracking_uri), parsed.experiment, parsed.sweep)
    folder = parsed.folder if parsed.folder is not None else folder_of(sweep.records.name)
    try:
        files = write(sweep, folder, parsed.noise, (parsed.format,) if parsed.format else FORMATS)
    except OSError as error:
        raise ReportError(f"--output {folder}: {error.strerror or error}") from error
    pictures = sum(path.suffix == ".svg" for path in files)
    told = [str(path) for path in files if path.suffix != ".svg"]
    return "\n".join([*told, *([f"{folder / 'figures'}: {pictures} pictures"] if pictures else [])])


def folder_of(sweep: str) -> Path:
    """Returns where a sweep's report belongs, unless told otherwise.

    Raises:
        ReportError: The name, which anybody may have given it, leads elsewhere.
    """
    from analysis.report_error import ReportError

    if Path(sweep).name != sweep or sweep in {"", ".."}:
        raise ReportError(f"sweep {sweep!r} has a name that no folder can have; give --output DIR")
    return Path("runs") / sweep
