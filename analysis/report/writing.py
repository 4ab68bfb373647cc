"""Writes a report: the page, its pictures, and the same as one file that opens offline."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from analysis.recorded_sweep import RecordedSweep


def write(
    sweep: RecordedSweep, folder: Path, noise: float | None = None, formats: Sequence[str] = ("md", "html")
) -> list[Path]:
    """Writes `report.md` with `figures/*.svg`, and `report.html`.

    Args:
        sweep: What was recorded.
        folder: Where; it is made.
        noise: The smallest difference that counts, in the metric's unit; None for what the sweep itself says.
        formats: `md`, `html` or both.

    Returns:
        The pages written.

    Raises:
        OSError: The folder cannot be written.
    """
    raise NotImplementedError
