"""Whether the databases and servers that a sweep records in can be reached, found before anything trains."""

from __future__ import annotations

import functools
import importlib.metadata
import os
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy

from sweeper.settings import Settings
from sweeper.validation import Problem

TIMEOUT_S = 5

_LOCAL = "sqlite:///mlflow.db"
_SQLITE = b"SQLite format 3\0"  # how every such file begins (sqlite.org/fileformat.html)


def problems(settings: Settings) -> Iterator[Problem]:
    """Finds what cannot be reached or written: MLflow's store, Optuna's storage, the sweeps' folder."""
    uri, storage = settings.tracking.uri, settings.sweep.storage
    if why := why_not(uri):
        yield Problem("tracking.uri", masked(uri), why, f"tracking.uri={_LOCAL}, or a server that runs")
    if storage and (why := why_not_storage(storage)):
        yield Problem("sweep.storage", masked(storage), why, "leave it out, or sqlite:///study.db, or postgresql://…")
    if why := _unwritable(Path(settings.sweep.dir)):
        yield Problem("sweep.dir", settings.sweep.dir, why, "sweep.dir=runs")


@functools.cache
def why_not(uri: str) -> str | None:
    """Returns why MLflow cannot record somewhere, None where nothing speaks against it.

    Args:
        uri: A database's URL as SQLAlchemy writes it, or an HTTP server's.
    """
    scheme = uri.partition(":")[0] if ":" in uri else ""
    if scheme in {"http", "https"}:
        return _server(uri)
    if scheme in {"", "file"}:
        return None if os.environ.get("MLFLOW_ALLOW_FILE_STORE") else "MLflow no longer records in plain folders"
    if scheme in {"databricks", "databricks-uc", "uc"} or scheme in _plugins():
        return None
    return _database(uri, others="experiments")


@functools.cache
def why_not_storage(url: str) -> str | None:
    """Returns why Optuna cannot keep a study somewhere, None where nothing speaks against it."""
    return _database(url, others="studies")


def _plugins() -> set[str]:
    return {point.name for point in importlib.metadata.entry_points(group="mlflow.tracking_store")}


def _database(url: str, others: str) -> str | None:
    """Looks at a database; `others` is the table that it has if it is already in use for this."""
    try:
        parsed = sqlalchemy.make_url(url)
    except (sqlalchemy.exc.ArgumentError, ValueError):
        return "is no database's URL"
    if parsed.get_backend_name() == "sqlite":
        return _file(parsed.database or "", others)
    if parsed.get_backend_name() in {"postgresql", "mysql", "mssql", "mariadb"}:
        return _answers(url)
    return f"{parsed.drivername} is no kind of store known here"


def _unwritable(folder: Path) -> str | None:
    there = next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())
    if not there.is_dir():
        return f"{there} is no folder"
    return None if os.access(there, os.W_OK) else f"{there} cannot be written to"


def _server(uri: str) -> str | None:
    try:
        urllib.request.urlopen(f"{uri.rstrip('/')}/health", timeout=TIMEOUT_S).close()
    except urllib.error.HTTPError:  # somebody answers; who may do what is said when it is tried
        return None
    except (OSError, ValueError) as error:
        return f"nobody answers there ({getattr(error, 'reason', error)})"
    return None


def _file(database: str, others: str) -> str | None:
    if database in {"", ":memory:"}:
        return "a database in memory ends with the command"
    path = Path(database)
    if not path.exists():
        return f"there is no folder {path.parent}" if not path.parent.is_dir() else _unwritable(path.parent)
    if not path.is_file() or (path.stat().st_size and path.open("rb").read(16) != _SQLITE):
        return f"{path} is no SQLite database"
    if not os.access(path, os.W_OK):
        return f"{path} cannot be written to"
    tables = sqlalchemy.inspect(sqlalchemy.create_engine(f"sqlite:///{path}")).get_table_names()
    return f"{path} is a database of something else" if tables and others not in tables else None


def _answers(url: str) -> str | None:
    try:
        sqlalchemy.create_engine(url, connect_args=_patience(url)).connect().close()
    except (ImportError, sqlalchemy.exc.NoSuchModuleError) as error:
        return f"its driver is missing ({error})"
    except sqlalchemy.exc.SQLAlchemyError as error:
        return f"nobody answers there ({next(iter(str(error).splitlines()), '')})"
    return None


def _patience(uri: str) -> dict[str, int]:
    return {"connect_timeout": TIMEOUT_S} if uri.startswith(("postgresql", "mysql")) else {}


def masked(uri: str) -> str:
    """Returns a URI without its password."""
    return re.sub(r"(?<=//)([^/@:]*):[^/@]*@", r"\1:***@", uri)
