"""What cannot be reached is said before anything starts."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from sweeper.reach import masked, why_not


@pytest.fixture
def server() -> Iterator[str]:
    """Answers everything with 404, as a server that wants a login might with 401."""
    made = http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    threading.Thread(target=made.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{made.server_port}"
    made.shutdown()
    made.server_close()


def test_whoever_answers_is_reached(server: str) -> None:
    assert why_not(server) is None


def test_databases_here_are_files_that_can_be_written(tmp_path: Path) -> None:
    assert why_not(f"sqlite:///{tmp_path}/new.db") is None
    assert why_not("sqlite:///mlflow.db") is None
    assert "no folder" in (why_not(f"sqlite:///{tmp_path}/none/new.db") or "")
    assert "memory" in (why_not("sqlite://") or "")


@pytest.mark.parametrize(
    ("uri", "says"),
    [
        ("http://127.0.0.1:9", "nobody answers"),
        ("postgresql+nodriver://u:p@127.0.0.1:9/db", "driver is missing"),
        ("./mlruns", "plain folders"),
        ("file:///tmp/mlruns", "plain folders"),
    ],
)
def test_what_cannot_be_reached(monkeypatch: pytest.MonkeyPatch, uri: str, says: str) -> None:
    monkeypatch.delenv("MLFLOW_ALLOW_FILE_STORE", raising=False)
    assert says in (why_not(uri) or "")


def test_passwords_are_not_repeated() -> None:
    assert masked("postgresql://u:secret@host/db") == "postgresql://u:***@host/db"
    assert masked("sqlite:///mlflow.db") == "sqlite:///mlflow.db"
