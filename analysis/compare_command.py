"""`lora-report compare`: light until it runs."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from analysis.store_options import add_output, add_store

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

_SAYS = """Puts sweeps side by side: what they optimised, on what, with how many trials; the best value of each, and
the parameters in which the winners differ; what it cost; and whether they can be ranked together."""


def add(commands: Commands, uri: str, shown_uri: str) -> None:
    """Adds the command to the command line's grammar.

    Args:
        commands: argparse's subparsers.
        uri: Where MLflow records, unless told otherwise.
        shown_uri: The same as the help may show it.
    """
    command = commands.add_parser("compare", help="put sweeps side by side", description=_SAYS)
    command.add_argument("sweeps", nargs="+", metavar="SWEEP", help="the sweeps' names, two or more")
    add_store(command, uri, shown_uri)
    add_output(command, ["md", "json"])
    command.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> str:
    """Returns what the command says.

    Raises:
        ReportError: There is no such sweep, or only one is named.
    """
    from analysis.compare import compared, to_json, to_markdown
    from analysis.ranking import ranked
    from analysis.recording import read
    from analysis.report_error import ReportError
    from analysis.sides import Side
    from analysis.store import open_store

    names = list(dict.fromkeys(parsed.sweeps))
    if len(names) < 2:
        raise ReportError(f"compare {' '.join(parsed.sweeps)}: it takes two sweeps to compare; name another")
    store = open_store(parsed.tracking_uri)
    sweeps = [read(store, parsed.experiment, name) for name in names]
    found = compared([Side(sweep, ranked(sweep.records)) for sweep in sweeps])
    return to_json(found) if parsed.format == "json" else to_markdown(found)
