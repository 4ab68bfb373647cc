"""Which files of a sweep MLflow keeps beside its numbers, once its report is written."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sweeper.paths import SweepPaths


@dataclass(frozen=True)
class Artifact:
    """A file, and the folder below the run's artifacts that it goes to; None for the artifacts' own."""

    file: Path
    folder: str | None = None


def fingerprint(paths: SweepPaths) -> str | None:
    """Returns the SHA-256 of a sweep's report, twelve digits; None where there is none."""
    try:
        return hashlib.sha256(paths.report.read_bytes()).hexdigest()[:12]
    except OSError:
        return None


def of(paths: SweepPaths) -> Iterator[Artifact]:
    """Yields the report with its pictures, the ranking, and the configuration it recommends: those that are there."""
    for path in (paths.report, paths.page, paths.best, paths.leaderboard):
        if path.is_file():
            yield Artifact(path)
    for path in sorted(paths.figures.glob("*.svg")):
        yield Artifact(path, paths.figures.name)
