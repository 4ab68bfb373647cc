"""What cannot be reached is said before anything starts."""

from __future__ import annotations

import dataclasses
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.arrivals import understood
from sweeper.reach import problems, unanswered, why_not, why_not_storage


@pytest.fixture
def server() -> Iterator[str]:
    """Answers everything with 404, as a server that wants a login might with 401."""
    made = http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    threading.Thread(target=made.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{made.server_port}"
    made.shutdown()
    made.server_close()


def test_whoever_answers_is_reached(server: str) -> None:
    assert why_not(server) is None and unanswered(server) is None


def test_a_server_that_is_down_is_no_reason_not_to_begin() -> None:
    assert why_not("http://127.0.0.1:9") is None
    assert "nobody answers there" in (unanswered("http://127.0.0.1:9") or "")
    assert unanswered("sqlite:///mlflow.db") is None


def test_databases_here_are_files_that_can_be_written(tmp_path: Path) -> None:
    assert why_not(f"sqlite:///{tmp_path}/new.db") is None
    assert why_not("sqlite:///mlflow.db") is None
    assert "no folder" in (why_not(f"sqlite:///{tmp_path}/none/new.db") or "")
    assert "memory" in (why_not("sqlite://") or "")


@pytest.mark.parametrize(
    ("uri", "says"),
    [
        ("http://", "names no server"),
        ("postgresql+nodriver://u:p@127.0.0.1:9/db", "driver is missing"),
        ("./mlruns", "plain folders"),
        ("file:///tmp/mlruns", "plain folders"),
    ],
)
def test_what_cannot_be_reached(monkeypatch: pytest.MonkeyPatch, uri: str, says: str) -> None:
    monkeypatch.delenv("MLFLOW_ALLOW_FILE_STORE", raising=False)
    assert says in (why_not(uri) or "")


@pytest.fixture
def used(tmp_path: Path) -> Path:
    """A database that holds somebody else's table."""
    import sqlite3

    path = tmp_path / "used.db"
    with sqlite3.connect(path) as connection:
        connection.execute("create table orders (id integer)")
    return path


def test_a_file_that_is_something_else(tmp_path: Path, used: Path) -> None:
    (tmp_path / "text.db").write_text("not a database")
    for check in (why_not, why_not_storage):
        assert "no SQLite database" in (check(f"sqlite:///{tmp_path}/text.db") or "")
        assert "no SQLite database" in (check(f"sqlite:///{tmp_path}") or "")
        assert "something else" in (check(f"sqlite:///{used}") or "")


@pytest.mark.parametrize("url", ["foo", "redis://localhost", "sqlite:foo", "http://[::1", "foo://bar", "://"])
def test_what_is_no_store(url: str) -> None:
    assert why_not_storage(url) is not None and why_not(url) is not None


def test_a_folder_that_cannot_be(tmp_path: Path, table: Path) -> None:
    (tmp_path / "file").write_text("")
    settings = understood(table, "lora.r=8,16").settings
    for folder, count in ((tmp_path / "file" / "runs", 1), (tmp_path / "new" / "runs", 0)):
        sweep = dataclasses.replace(settings.sweep, dir=str(folder))
        found = list(problems(dataclasses.replace(settings, sweep=sweep)))
        assert [item.key for item in found] == ["sweep.dir"] * count
