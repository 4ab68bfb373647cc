"""Rows from Python's own source: signatures, first lines, modules kept together, nothing imported."""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from trainers import docstrings, signatures, sources
from trainers.data import load, read_test
from trainers.trial import Data

SOURCE = r'''
import nothing_like_this
raise SystemExit

def join(paths: list[str], *, sep="/", **more) -> str:
    """Put   the paths
    together."""

async def fetch(url):
    "Fetch what is at the url."

def lower(s): "lower(s) -> string in lower case"
def short(s): "Two words."
def silent(s): return "\d"
def _private(s): "Not for people at all."

class Shelf:
    def find(self, book=None):
        """Return the place of a book."""
    def __len__(self):
        """Return how many books there are."""

class _Hidden:
    def find(self): "Return the place of a book."
'''


def test_rows_are_made_of_source_that_never_runs() -> None:
    assert list(signatures.rows(SOURCE)) == [
        {"prompt": "def join(paths: list[str], *, sep='/', **more) -> str:", "completion": " Put the paths"},
        {"prompt": "async def fetch(url):", "completion": " Fetch what is at the url."},
        {"prompt": "class Shelf:\n    def find(self, book=None):", "completion": " Return the place of a book."},
    ]
    assert list(signatures.rows("def broken(:")) == [] == list(signatures.rows("\0"))


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A library of forty modules, each with twelve functions, one of which all share; and what is no part of it."""
    folder = tmp_path / "lib"
    own = "".join(f'def f{number}(a):\n    "Does the thing {number} of MODULE."\n' for number in range(11))
    text = own + 'def shared(a):\n    "Is the same in all of them."\n'
    for module in (*(f"pack/m{number}" for number in range(40)), "test/t", "_private", "site-packages/x", "pack/_p"):
        file = folder / f"{module}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text.replace("MODULE", module))
    monkeypatch.setattr(docstrings, "_library", lambda: str(folder))
    monkeypatch.setattr(docstrings, "MOST_VALIDATION", 20)
    docstrings.fingerprint.cache_clear()
    return folder


def test_modules_stay_together_and_nothing_is_lost(library: Path) -> None:
    splits, counts = docstrings.made(library)
    modules = {name: {row["completion"].rpartition(" ")[2] for row in rows} for name, rows in splits.items()}
    assert not modules["train"] & (modules["validation"] | modules["test"])
    assert {name.split("/")[0] for names in modules.values() for name in names if "/" in name} == {"pack"}
    assert counts["found"] == 40 * 12 == sum(counts.values()) - counts["found"]
    assert counts["repeated"] == 39 and counts["validation"] == len(splits["validation"]) == 20 < counts["beyond"] + 20
    texts = [(row["prompt"], row["completion"]) for rows in splits.values() for row in rows]
    assert len(set(texts)) == len(texts)
    assert len({row["completion"] for row in splits["validation"]}) == 20
    assert docstrings.made(library) == (splits, counts)


@pytest.mark.usefixtures("library")
def test_they_are_made_once_and_read_as_a_folder(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    with ThreadPoolExecutor(4) as pool:
        made = set(pool.map(docstrings.folder, [str(cache)] * 4))
    (folder,) = cache.iterdir()
    assert made == {folder} and json.loads((folder / "counts.json").read_text())["validation"] == 20
    before = [file.stat().st_mtime_ns for file in folder.iterdir()]
    data = Data("docstrings", docstrings.PATH, cache_dir=str(cache))
    rows, (tested, _) = load(data), read_test(data)
    assert len(rows.validation) == 20 and rows.account.used == len(rows.train) > 100 and tested
    assert sources.files_of(folder, "train") == [folder / "train.jsonl"]
    assert [file.stat().st_mtime_ns for file in folder.iterdir()] == before


def test_another_library_is_another_folder(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = docstrings.fingerprint()
    docstrings.fingerprint.cache_clear()
    monkeypatch.setattr(docstrings, "_library", lambda: f"{library}/pack")
    assert docstrings.fingerprint() != first
    docstrings.fingerprint.cache_clear()


def test_the_library_itself_is_read_and_not_imported() -> None:
    before = set(sys.modules)
    splits, counts = docstrings.made(Path(docstrings._library(), "email"))
    assert counts["found"] > 50 and not {name for name in set(sys.modules) - before if name.startswith("email")}
    rows = [row for rows in splits.values() for row in rows]
    assert {
        "prompt": "class Message:\n    def get_payload(self, i=None, decode=False):",
        "completion": " Return a reference to the payload.",
    } in rows
    assert all(row["completion"].startswith(" ") and row["prompt"].endswith(":") for row in rows)
