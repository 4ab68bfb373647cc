"""Writes a sweep's report at its end; a sweep that has none is none the worse for it."""

from __future__ import annotations

import logging
import shlex
from collections.abc import Sequence

from analysis.redaction import redacted
from sweeper import artifacts
from sweeper.interruption import Interruption
from sweeper.ledger import Ledger
from sweeper.paths import SweepPaths
from sweeper.recorded_sweep import recorded
from sweeper.say import say


def write(ledger: Ledger, paths: SweepPaths, interruption: Interruption, later: Sequence[str]) -> str | None:
    """Writes `report.md`, `report.html` and the pictures.

    Args:
        ledger: What the log tells.
        paths: Where the sweep is.
        interruption: A request to stop is obeyed at once: everything that was measured is on disk.
        later: The command that writes the report another time.

    Returns:
        The report's fingerprint; None where it was not written, which is said.
    """
    try:
        with interruption.at_once():
            from analysis.report import writing  # matplotlib takes a second to import: not for a sweep without a report

            writing.write(recorded(ledger), paths.root)
    except KeyboardInterrupt:
        say(f"Stopped while the report was written. Nothing is lost; to write it: {shlex.join(later)}")
    except Exception as error:
        logging.getLogger(__name__).warning("The report could not be written", exc_info=True)
        say(f"The report could not be written ({_reason(error)}). Nothing is lost; to write it: {shlex.join(later)}")
    else:
        return artifacts.fingerprint(paths)
    return None


def _reason(error: Exception) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return redacted(f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__)[:300]
