"""`lora-report`: reads results, from MLflow alone; other packages add commands to it."""

from __future__ import annotations

import argparse
import importlib.metadata
import math
import os
import sys

from analysis import compare_command, diagnose_command, garbage, import_command, report_command
from analysis.redaction import RedactedStream, redacted
from analysis.store_options import add_output, add_store
from analysis.visible import visible

COMMANDS = "lora_report.commands"
"""The entry points that add commands: functions of argparse's subparsers, light to import."""

DEFAULT_URI = "sqlite:///mlflow.db"

_RANKS = "Ranks a sweep's configurations, or those of several sweeps whose metric, data and tokenizer agree."


def parser() -> argparse.ArgumentParser:
    """Returns the command line's grammar."""
    made = argparse.ArgumentParser(
        prog="lora-report",
        description="Reads what lora-sweep recorded, and brings MLflow what it lacks.",
        epilog="Example: lora-report leaderboard --format csv --output ranking.csv",
    )
    commands = made.add_subparsers(dest="command", required=True, metavar="COMMAND")
    board = commands.add_parser("leaderboard", help="rank a sweep, or several as one", description=_RANKS)
    board.add_argument("sweeps", nargs="*", metavar="SWEEP", help="several are ranked as one (default: the latest)")
    uri = os.environ.get("MLFLOW_TRACKING_URI", DEFAULT_URI)
    add_store(board, uri, redacted(uri))
    board.add_argument("--top", type=_positive, metavar="N", help="only the first N rows")
    noise = "the smallest difference of the metric that counts: what lies no further apart is tied"
    board.add_argument("--noise", type=_difference, metavar="X", help=noise)
    board.add_argument("--trials", action="store_true", help="a row per trial, not per configuration over its seeds")
    add_output(board, ["md", "csv", "json"])
    board.set_defaults(run=_leaderboard)
    report_command.add(commands, uri, redacted(uri))
    diagnose_command.add(commands, uri, redacted(uri))
    import_command.add(commands, uri, redacted(uri))
    compare_command.add(commands, uri, redacted(uri))
    for point in importlib.metadata.entry_points(group=COMMANDS):
        point.load()(commands)
    return made


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a number of at least 1")
    return int(text)


def _difference(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not 0 <= found < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is not a number of at least 0, as 0.003")
    return found


def main(arguments: list[str] | None = None) -> None:
    """Runs one command.

    Args:
        arguments: The command line without the program's name; None takes the process's own.
    """
    garbage.seldom()
    try:
        _run(arguments)
    finally:
        garbage.no_more()


def _run(arguments: list[str] | None) -> None:
    sys.stderr = RedactedStream(sys.stderr)
    parsed = parser().parse_args(arguments)
    from analysis.report_error import ReportError

    try:
        text = parsed.run(parsed)
    except ReportError as error:
        sys.exit(f"lora-report: {visible(redacted(str(error)))}")
    if getattr(parsed, "output", None) is None:
        _print(text)
        return
    try:
        parsed.output.write_text(text, encoding="utf-8")
    except OSError as error:
        sys.exit(f"lora-report: --output {parsed.output}: {error.strerror}")


def _print(text: str) -> None:
    """Prints for as long as somebody reads: behind `| head` nobody does, and that is no error."""
    try:
        print(visible(redacted(text)), end="" if text.endswith("\n") else "\n", flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _leaderboard(parsed: argparse.Namespace) -> str:
    from analysis import leaderboard_records, leaderboard_table
    from analysis.across import comparable, merged
    from analysis.leaderboard import rank
    from analysis.store import open_store, read_sweep

    store, names = open_store(parsed.tracking_uri), list(dict.fromkeys(parsed.sweeps)) or [None]
    sweeps = [read_sweep(store, parsed.experiment, name) for name in names]
    comparable(sweeps)
    ranked = rank(merged(sweeps), parsed.noise)
    board = (ranked.by_trial if parsed.trials else ranked).top(parsed.top)
    forms = {"csv": leaderboard_records.to_csv, "json": leaderboard_records.to_json}
    return forms.get(parsed.format, leaderboard_table.to_markdown)(board)


if __name__ == "__main__":
    main()
