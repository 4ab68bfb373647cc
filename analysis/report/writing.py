"""Writes a report: the page, its pictures, and the same as one file that opens offline."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from analysis.chosen import chosen
from analysis.evidence import Evidence
from analysis.figures.drawn import NAMES, drawn, svg
from analysis.html_page import html
from analysis.patterns.found import found
from analysis.ranking import ranked
from analysis.recorded_sweep import RecordedSweep
from analysis.report.page import markdown
from analysis.report.recommended import yaml_of

FORMATS = ("md", "html")


def evidence_of(sweep: RecordedSweep, noise: float | None = None) -> Evidence:
    """Ranks a sweep's trials and finds out what its parameters do.

    Args:
        sweep: What was recorded.
        noise: The smallest difference that counts, in the metric's unit; None for what the sweep itself says.
    """
    ranking = ranked(sweep.records, noise)
    return Evidence(sweep, ranking, found(sweep, ranking))


def write(
    sweep: RecordedSweep, folder: Path, noise: float | None = None, formats: Sequence[str] = FORMATS
) -> list[Path]:
    """Writes `report.md` with `figures/*.svg`, `report.html`, and `best.yaml` unless the folder is a sweep's own.

    Args:
        sweep: What was recorded.
        folder: Where; it is made.
        noise: The smallest difference that counts, in the metric's unit; None for what the sweep itself says.
        formats: `md`, `html` or both.

    Returns:
        The files written, the pages first.

    Raises:
        OSError: The folder cannot be written.
    """
    evidence = evidence_of(sweep, noise)
    drawings = drawn(evidence)
    text = markdown(evidence, drawings)
    pictures = {f"figures/{item.name}.svg": svg(item.figure) for item in drawings}
    files: dict[str, bytes] = {}
    if "md" in formats:
        files |= {"report.md": text.encode(), **pictures}
    if "html" in formats:
        title = f"Report of {sweep.records.name}"
        files = {"report.html": html(text, title, pictures).encode(), **files}
    best = chosen(evidence)
    if best is not None and not (folder / "events.jsonl").exists():
        files["best.yaml"] = yaml_of(evidence, best).encode()
    written = [_written(folder / name, content) for name, content in files.items()]
    if "md" in formats:
        _forget(folder, pictures)
    return written


def _forget(folder: Path, pictures: Mapping[str, bytes]) -> None:
    """Removes pictures of an earlier report that this one does not show."""
    for name in (f"figures/{name}.svg" for name in NAMES):
        if name not in pictures:
            (folder / name).unlink(missing_ok=True)


def _written(path: Path, content: bytes) -> Path:
    """Writes a file in one piece: whoever reads it meanwhile sees the one before, whoever else writes it as well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        fresh.write_bytes(content)
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)  # of a disk that is full
    return path
