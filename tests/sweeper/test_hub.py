"""What the hub answers becomes a rule and a remedy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
from huggingface_hub import errors

from sweeper import hub
from trainers.hub import is_id
from trainers.trial import Model


def problem(monkeypatch: pytest.MonkeyPatch, error: Exception | None, revision: str | None = None) -> str | None:
    def answers(*arguments: Any, **more: Any) -> str:
        if error is not None:
            raise error
        return "config.json"

    hub._why_not.cache_clear()
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", answers)
    found = hub.problem(Model("m", "org/model", revision))
    return None if found is None else str(found)


def made(kind: type[Exception]) -> Exception:
    return kind.__new__(kind)


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        (errors.GatedRepoError, ["is gated", "licence at https://huggingface.co/org/model", "hf auth login"]),
        (errors.RepositoryNotFoundError, ["nor on the hub", "private one needs `hf auth login`"]),
        (errors.RevisionNotFoundError, ["has no revision v9"]),
        (errors.LocalEntryNotFoundError, ["hub cannot be reached", "hf download org/model"]),
        (errors.EntryNotFoundError, ["has no config.json"]),
        (errors.HFValidationError, ["nor a hub id"]),
        (ConnectionError, ["cannot be had from the hub"]),
    ],
)
def test_why_a_model_cannot_be_had(monkeypatch: pytest.MonkeyPatch, kind: type[Exception], says: list[str]) -> None:
    found = problem(monkeypatch, made(kind), "v9")
    assert found is not None and found.startswith("model.path=org/model: ") and all(word in found for word in says)


def test_a_model_that_is_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert problem(monkeypatch, None) is None
    assert hub.problem(Model("m", str(tmp_path))) is None
    assert hub.problem(Model("tiny", "bundled:tiny")) is None


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("stanfordnlp/imdb", True),
        ("allenai/c4.en", True),
        ("imdb", False),
        ("data/train.tsv", False),
        ("data/TRAIN.PARQUET", False),
        ("./org/name", False),
        ("/org/name", False),
        ("here/set", False),
        ("a/b/c", False),
    ],
)
def test_what_can_only_be_an_id(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, path: str, expected: bool) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path)
    assert is_id(path) == expected
