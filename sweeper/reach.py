"""Whether a sweep can record where it is told to: what can never work is said before anything trains.

That nobody answers at an address is another thing: it may be over in a minute, and training does not wait for it.
"""

from __future__ import annotations

import functools
import http.client
import importlib.metadata
import os
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy

from analysis.redaction import redacted
from sweeper.settings import Settings
from sweeper.validation import Problem

TIMEOUT_S = 5

_SERVERS = ("postgresql", "mysql", "mssql", "mariadb")

# SQLAlchemy 2.1 means psycopg 3 by postgresql://, and 2.0 meant psycopg2.
_INSTALL = {
    "needs the Python package psycopg": "pip install 'lora-sweeper[postgres]'",
    "needs the Python package psycopg2": "postgresql://…, with pip install 'lora-sweeper[postgres]'",
}

_LOCAL = "sqlite:///mlflow.db"
_SQLITE = b"SQLite format 3\0"  # how every such file begins (sqlite.org/fileformat.html)


def problems(settings: Settings) -> Iterator[Problem]:
    """Finds where nothing can be recorded: MLflow's store, Optuna's storage, the sweeps' folder."""
    uri, storage = settings.tracking.uri, settings.sweep.storage
    if why := why_not(uri):
        remedy = _INSTALL.get(why) or f"tracking.uri={_LOCAL}, or a server's http://… or postgresql://…"
        yield Problem("tracking.uri", redacted(uri), why, remedy)
    if storage and (why := why_not_storage(storage)):
        remedy = _INSTALL.get(why) or "leave it out, or sqlite:///study.db, or postgresql://…"
        yield Problem("sweep.storage", redacted(storage), why, remedy)
    if storage == uri:  # each keeps its version in a table alembic_version
        rule = "is MLflow's database, and the two need one each"
        yield Problem("sweep.storage", redacted(storage), rule, "leave it out, or another database")
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
        if not _is_url(uri):
            return "is no URL: what is special in a password is percent-encoded (%20 for a blank, %2F for a slash)"
        return None if _has_host(uri) else "names no server"
    if scheme in {"", "file"}:
        return None if os.environ.get("MLFLOW_ALLOW_FILE_STORE") else "MLflow no longer records in plain folders"
    if scheme in {"databricks", "databricks-uc", "uc"} or scheme in _plugins():
        return None
    return _database(uri, others="experiments")


def unanswered(uri: str) -> str | None:
    """Returns why a store does not answer now, None where it does, or is a file."""
    if uri.startswith(("http:", "https:")):
        return _server(uri)
    return _answers(uri) if uri.startswith(_SERVERS) else None


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
    if parsed.get_backend_name() in _SERVERS:
        return _driver(url)
    return f"{parsed.drivername} is no kind of store known here"


def _driver(url: str) -> str | None:
    try:
        sqlalchemy.create_engine(url)
    except ImportError as error:
        return f"needs the Python package {error.name}"
    except sqlalchemy.exc.SQLAlchemyError as error:
        return f"its driver is missing ({error})"
    return None


def _unwritable(folder: Path) -> str | None:
    there = next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())
    if not there.is_dir():
        return f"{there} is no folder"
    return None if os.access(there, os.W_OK) else f"{there} cannot be written to"


def _is_url(uri: str) -> bool:
    """True without blanks, and with a port that is a number: otherwise it is a part of a password."""
    try:
        urllib.parse.urlsplit(uri).port  # noqa: B018 - it is read when it is asked for
        return not any(map(str.isspace, uri))
    except ValueError:
        return False


def _has_host(uri: str) -> bool:
    try:
        return bool(urllib.parse.urlsplit(uri).hostname)
    except ValueError:
        return False


def _server(uri: str) -> str | None:
    try:
        urllib.request.urlopen(f"{_without_login(uri).rstrip('/')}/health", timeout=TIMEOUT_S).close()
    except urllib.error.HTTPError:  # somebody answers; who may do what is said when it is tried
        return None
    except (OSError, ValueError, http.client.HTTPException) as error:
        return f"nobody answers there: {getattr(error, 'reason', error)}"
    return None


def _without_login(uri: str) -> str:
    """Leaves user and password out, which urllib takes for a part of the host's name."""
    return re.sub(r"(?<=://)[^/?#]*@", "", uri, count=1)


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
    engine = sqlalchemy.create_engine(url, connect_args=_patience(url))
    try:
        engine.connect().close()
    except sqlalchemy.exc.SQLAlchemyError as error:
        return f"nobody answers there: {next(iter(str(error).splitlines()), '')}"
    finally:
        engine.dispose()
    return None


def _patience(uri: str) -> dict[str, int]:
    return {"connect_timeout": TIMEOUT_S} if uri.startswith(("postgresql", "mysql")) else {}
