"""`lora-report rebuild` and `lora-report sync`, as `analysis.cli` finds them: light until one of them runs."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

_URI = "sqlite:///mlflow.db"


def add(commands: Commands) -> None:
    """Adds both commands to the command line's grammar."""
    rebuild = commands.add_parser(
        "rebuild",
        help="make MLflow's runs and Optuna's study anew from a sweep's event log",
        description="Makes MLflow's runs and Optuna's study anew from a sweep's event log; the old ones are deleted.",
    )
    rebuild.add_argument("sweep", help="the sweep's name")
    _where(rebuild)
    rebuild.set_defaults(run=_rebuild)
    sync = commands.add_parser(
        "sync",
        help="bring MLflow and Optuna's storage what they lack",
        description="Brings MLflow and Optuna's storage what they lack of a sweep, and changes nothing else.",
    )
    sync.add_argument("sweep", nargs="?", help="the sweep's name (default: every sweep)")
    _where(sync)
    sync.set_defaults(run=_sync)


def _where(command: argparse.ArgumentParser) -> None:
    command.add_argument("--dir", type=Path, default=Path("runs"), help="where the sweeps are (default: %(default)s)")
    command.add_argument(
        "--tracking-uri", default=os.environ.get("MLFLOW_TRACKING_URI", _URI), help="default: sqlite:///mlflow.db"
    )
    command.add_argument("--experiment", default="lora-sweeper", help="default: %(default)s")
    command.add_argument("--storage", metavar="URL", help="Optuna's storage (default: study.db in the sweep's folder)")


def _rebuild(parsed: argparse.Namespace) -> str:
    from sweeper.rebuilding import Stores, rebuild

    return rebuild(parsed.sweep, Stores(parsed.dir, parsed.tracking_uri, parsed.experiment, parsed.storage))


def _sync(parsed: argparse.Namespace) -> str:
    from sweeper.rebuilding import Stores, sync

    return sync(parsed.sweep, Stores(parsed.dir, parsed.tracking_uri, parsed.experiment, parsed.storage))
