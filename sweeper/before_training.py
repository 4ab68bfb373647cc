"""What preflight finds stops a sweep, or is said, before anything of it trains."""

from __future__ import annotations

import functools

from sweeper.command import Command
from sweeper.finding import Finding
from sweeper.findings_text import brief, page, rest
from sweeper.paths import SweepPaths
from sweeper.patience import Patience
from sweeper.preflight import COMMAND, preflight
from sweeper.say import warn
from sweeper.validation import ConfigurationError, Problem


class BeforeTraining:
    """Preflight of one session, paid for only where something is left to train."""

    def __init__(self, asked: Command, paths: SweepPaths, patience: Patience) -> None:
        self._asked, self._paths, self._patience = asked, paths, patience
        self._is_told = False

    @functools.cached_property
    def _findings(self) -> list[Finding]:
        return preflight(self._asked)

    def check(self) -> None:
        """Goes on where nothing forbids it.

        Raises:
            ConfigurationError: With every error found.
        """
        errors = [finding for finding in self._findings if finding.severity == "error"]
        if errors:
            raise ConfigurationError(map(_problem, errors))

    def tell(self) -> None:
        """Says the warnings, a line each, and writes all findings beside the sweep; once a session."""
        if self._is_told or not self._findings:
            return
        self._is_told = True
        text = page(self._asked.name, self._findings)
        self._patience.until(lambda: self._paths.preflight.write_text(text, encoding="utf-8"))
        said = [item for item in self._findings if item.severity == "warning" or item.source == COMMAND]
        for finding in said:
            warn(brief(finding))
        if left := rest(self._findings, said):
            warn(f"{left}: sweep.dry_run=true shows them, and {self._paths.preflight}")


def _problem(finding: Finding) -> Problem:
    rule = f"{finding.number}: {finding.rule} ({finding.source})"
    return Problem(finding.key, finding.value, rule, finding.remedy)
