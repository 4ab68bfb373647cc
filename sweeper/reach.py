"""Whether the databases and servers that a sweep records in can be reached, found before anything trains."""

from __future__ import annotations

import functools
import os
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy

from sweeper.settings import Settings
from sweeper.validation import Problem

TIMEOUT_S = 5

_LOCAL = "sqlite:///mlflow.db"


def problems(settings: Settings) -> Iterator[Problem]:
    """Finds what cannot be reached: MLflow's store, Optuna's storage."""
    uri, storage = settings.tracking.uri, settings.sweep.storage
    if why := why_not(uri):
        yield Problem("tracking.uri", masked(uri), why, f"tracking.uri={_LOCAL}, or a server that runs")
    if storage and (why := why_not(storage)):
        yield Problem(
            "sweep.storage", masked(storage), why, "leave it out for a file of the sweep, or a server that runs"
        )


@functools.cache
def why_not(uri: str) -> str | None:
    """Returns why a place cannot be written to, None where nothing speaks against it.

    Args:
        uri: A database's URL as SQLAlchemy writes it, or an HTTP server's.
    """
    scheme = urllib.parse.urlsplit(uri).scheme
    if scheme in {"http", "https"}:
        return _server(uri)
    if scheme in {"", "file"}:
        return None if os.environ.get("MLFLOW_ALLOW_FILE_STORE") else "MLflow no longer records in plain folders"
    if scheme.startswith("sqlite"):
        return _file(uri)
    if scheme.startswith(("postgresql", "mysql", "mssql")):
        return _database(uri)
    return None  # databricks, and what a plugin of MLflow's brings along


def _server(uri: str) -> str | None:
    try:
        urllib.request.urlopen(f"{uri.rstrip('/')}/health", timeout=TIMEOUT_S).close()
    except urllib.error.HTTPError:  # somebody answers; who may do what is said when it is tried
        return None
    except (OSError, ValueError) as error:
        return f"nobody answers there ({getattr(error, 'reason', error)})"
    return None


def _file(uri: str) -> str | None:
    database = sqlalchemy.make_url(uri).database
    if not database or database == ":memory:":
        return "a database in memory ends with the command"
    path = Path(database)
    if not path.parent.is_dir():
        return f"there is no folder {path.parent}"
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        return f"{path if path.exists() else path.parent} cannot be written to"
    return None


def _database(uri: str) -> str | None:
    try:
        sqlalchemy.create_engine(uri, connect_args=_patience(uri)).connect().close()
    except (ImportError, sqlalchemy.exc.NoSuchModuleError) as error:
        return f"its driver is missing ({error})"
    except sqlalchemy.exc.SQLAlchemyError as error:
        return f"nobody answers there ({next(iter(str(error).splitlines()), '')})"
    return None


def _patience(uri: str) -> dict[str, int]:
    return {"connect_timeout": TIMEOUT_S} if uri.startswith(("postgresql", "mysql")) else {}


def masked(uri: str) -> str:
    """Returns a URI without its password."""
    parts = urllib.parse.urlsplit(uri)
    if parts.password is None:
        return uri
    return uri.replace(f":{parts.password}@", ":***@", 1)
