"""What lies in a folder once a report was written there, or could not be."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from analysis.report.writing import write
from benchmarks.made_up_sweeps import evidence


def test_pictures_of_a_report_from_before_go_and_other_files_stay(tmp_path: Path) -> None:
    figures = tmp_path / "figures"
    figures.mkdir()
    for name in ("slices.svg", "mine.svg"):
        (figures / name).touch()
    write(evidence([{}]).sweep, tmp_path)
    assert sorted(path.name for path in figures.iterdir()) == ["learning_curves.svg", "mine.svg"]


def test_a_full_disk_leaves_the_report_that_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sweep = evidence([{}]).sweep
    write(sweep, tmp_path, formats=["html"])
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def full(path: Path, content: bytes) -> int:
        path.touch()
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        write(sweep, tmp_path, formats=["html"])
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
