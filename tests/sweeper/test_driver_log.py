"""What libraries say goes into a file."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path

import pytest

from sweeper.driver_log import kept


def test_warnings_and_records_are_kept_and_silent(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    library = logging.getLogger("optuna.study")
    logging.getLogger("optuna").addHandler(logging.StreamHandler())
    with kept(tmp_path / "s" / "log.txt"), warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("a library worries", FutureWarning, stacklevel=1)
        library.error("a study says")  # trials in this process may have silenced its warnings
    text = (tmp_path / "s" / "log.txt").read_text()
    assert "a library worries" in text and "optuna.study: a study says" in text
    said = capfd.readouterr()
    assert "worries" not in said.err and "a study says" not in said.err


def test_it_ends_with_the_block(tmp_path: Path) -> None:
    with kept(tmp_path / "log.txt"):
        pass
    logging.getLogger("optuna").warning("afterwards")
    assert not (tmp_path / "log.txt").exists()
