"""The options that all commands share: where MLflow is, and where a result goes."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path


def add_store(command: argparse.ArgumentParser, uri: str, shown_uri: str) -> None:
    """Adds `--tracking-uri` and `--experiment`.

    Args:
        command: A command of `lora-report`.
        uri: Where MLflow records, unless told otherwise.
        shown_uri: The same as the help may show it.
    """
    command.add_argument("--tracking-uri", default=uri, help=f"default: {shown_uri}".replace("%", "%%"))
    command.add_argument("--experiment", default="lora-sweeper", help="default: %(default)s")


def add_output(command: argparse.ArgumentParser, formats: Sequence[str]) -> None:
    """Adds `--format`, Markdown unless told otherwise, and `--output`."""
    command.add_argument("--format", choices=formats, default="md", help="default: %(default)s")
    command.add_argument("--output", type=Path, metavar="FILE", help="write there instead of printing")
