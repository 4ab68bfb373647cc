"""The files of a report."""

from __future__ import annotations

from pathlib import Path

from analysis.report.writing import write
from benchmarks.made_up_sweeps import evidence


def test_pictures_of_an_earlier_report_do_not_stay(tmp_path: Path) -> None:
    (tmp_path / "figures").mkdir()
    for name in ("slices.svg", "mine.svg"):
        (tmp_path / "figures" / name).write_text("old")
    sweep = evidence([{}]).sweep
    write(sweep, tmp_path, formats=("html",))
    assert (tmp_path / "figures" / "slices.svg").exists()
    files = write(sweep, tmp_path, formats=("md",))
    assert {path.name for path in (tmp_path / "figures").iterdir()} == {"learning_curves.svg", "mine.svg"}
    assert all(path.exists() for path in files)
