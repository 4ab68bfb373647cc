"""`lora-report import`: light until it runs."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.metric_directions import direction
from analysis.store_options import add_store

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

_SAYS = """Brings in runs that lora-sweep did not make, as a sweep in MLflow: folders of transformers or TRL runs with
their trainer_state.json, and CSV files of results with a column name, dotted parameters and metrics; with a column step
or epoch, rows of one name are its curve. Everything is checked first; nothing is written if anything is wrong."""

_FALLS = ("loss", "perplexity")


def add(commands: Commands, uri: str, shown_uri: str) -> None:
    """Adds the command to the command line's grammar.

    Args:
        commands: argparse's subparsers.
        uri: Where MLflow records, unless told otherwise.
        shown_uri: The same as the help may show it.
    """
    command = commands.add_parser("import", help="bring in runs made elsewhere, as a sweep", description=_SAYS)
    command.add_argument(
        "paths", nargs="+", type=Path, metavar="PATH", help="a CSV file, a run's folder, a folder of such"
    )
    command.add_argument("--sweep", required=True, metavar="NAME", help="what the sweep is to be called")
    command.add_argument("--metric", default="eval_loss", help="what ranks the runs (default: %(default)s)")
    command.add_argument(
        "--direction",
        choices=["minimize", "maximize"],
        help="default: that of a metric this tool measures; minimize for a loss or perplexity",
    )
    command.add_argument(
        "--data-fingerprint", metavar="TEXT", help="stated of all runs: the rows they were evaluated on"
    )
    command.add_argument("--tokenizer-fingerprint", metavar="TEXT", help="stated of all runs: their tokenizer")
    command.add_argument("--replace", action="store_true", help="in place of an import of this name")
    add_store(command, uri, shown_uri)
    command.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> str:
    """Imports, and returns what the command says.

    Raises:
        ReportError: Nothing was imported, and why.
    """
    from analysis.imports.importing import Asked
    from analysis.imports.importing import run as imported

    return imported(
        Asked(
            parsed.paths,
            parsed.sweep,
            parsed.metric,
            parsed.direction or _direction(parsed.metric),
            parsed.tracking_uri,
            parsed.experiment,
            parsed.replace,
            _fingerprints(parsed),
        )
    )


def _direction(metric: str) -> str:
    """Returns the direction that a metric's name tells.

    Raises:
        ReportError: It tells none.
    """
    known = "minimize" if metric.endswith(_FALLS) else direction(metric)
    if known is not None:
        return known
    from analysis.report_error import ReportError

    raise ReportError(f"--metric {metric}: say whether less or more is better; add --direction minimize or maximize")


def _fingerprints(parsed: argparse.Namespace) -> dict[str, str]:
    from analysis.records import CONTENT, TOKENIZER, VALIDATION

    # What is stated was read from another sweep's fingerprint, of whichever kind that sweep has.
    data = dict.fromkeys((VALIDATION, CONTENT), parsed.data_fingerprint)
    stated = {**data, TOKENIZER: parsed.tokenizer_fingerprint}
    return {key: value for key, value in stated.items() if value}
