"""Brings runs from files into MLflow: reads, checks, writes, and says what came of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from alembic.util.exc import CommandError
from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from analysis import tracking
from analysis.imports import found, page, writing
from analysis.imports.entry import entries
from analysis.leaderboard import rank
from analysis.leaderboard_table import to_markdown
from analysis.records import ORIGIN
from analysis.redaction import redacted
from analysis.report_error import ReportError
from analysis.store import answering, read_sweep

_LONGEST_TAG = 8000
_ARTIFACTS = Path("runs") / "artifacts"  # where sweeps of this folder keep theirs


@dataclass(frozen=True)
class Asked:
    """What is to be imported, and where to; `fingerprints` are what is stated of all runs, by the tag's name."""

    paths: Sequence[Path]
    sweep: str
    metric: str
    direction: str
    uri: str
    experiment: str
    replace: bool = False
    fingerprints: Mapping[str, str] = field(default_factory=dict)


def run(asked: Asked) -> str:
    """Imports, and returns what a user should read of it.

    Raises:
        ReportError: Something is wrong with the files, or a sweep of the name exists; nothing was written then. Or the
            store does not answer.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}", asked.sweep):  # as sweep.name
        raise ReportError(
            f"--sweep {asked.sweep}: a sweep's name has letters, digits and . _ - alone, and begins with a letter or "
            "digit; try --sweep imported"
        )
    imported = found.read(asked.paths, asked.metric, asked.direction)
    client, experiment = _opened(asked)
    with answering():
        old = _replaceable(client, experiment, asked)
        tags = {"sweep": asked.sweep, "metric": asked.metric, "direction": asked.direction, ORIGIN: _origin(asked)}
        made = entries(imported.runs, asked.metric, asked.direction, asked.fingerprints)
        parent = writing.write(client, experiment, tags, made)
        trashed = sum(writing.trash(client, experiment, item) for item in old)
        board = rank(read_sweep(client, asked.experiment, asked.sweep))
        writing.note(client, parent, to_markdown(board))
    return "\n".join(page.lines(imported, asked.sweep, asked.metric, trashed, list(_places(asked)))) + "\n"


def _opened(asked: Asked) -> tuple[MlflowClient, str]:
    try:
        return tracking.connect(asked.uri, asked.experiment, _ARTIFACTS.resolve().as_uri())
    except (MlflowException, SQLAlchemyError, CommandError, ImportError) as error:
        why = str(error).splitlines()[0]
        raise ReportError(f"{redacted(asked.uri)} is no tracking store that MLflow can open: {why}") from error


def _origin(asked: Asked) -> str:
    return redacted(", ".join(map(str, asked.paths)))[:_LONGEST_TAG]


def _replaceable(client: MlflowClient, experiment: str, asked: Asked) -> list[Run]:
    """Returns the sweeps of the name that go to the trash.

    Raises:
        ReportError: One is there and was not imported, or nobody asked to replace it.
    """
    old = writing.sweeps(client, experiment, asked.sweep)
    recorded = [item for item in old if not writing.is_imported(item)]
    if recorded:
        raise ReportError(
            f"sweep {asked.sweep} was recorded by lora-sweep, and is never replaced; take another --sweep"
        )
    if old and not asked.replace:
        origin = old[0].data.tags[ORIGIN]
        raise ReportError(f"sweep {asked.sweep} exists, imported from {origin}; take another --sweep, or add --replace")
    return old


def _places(asked: Asked) -> Iterator[str]:
    """Yields the options that later commands need to find the sweep."""
    if asked.uri != "sqlite:///mlflow.db":
        yield f"--tracking-uri {redacted(asked.uri)}"
    if asked.experiment != "lora-sweeper":
        yield f"--experiment {asked.experiment}"
