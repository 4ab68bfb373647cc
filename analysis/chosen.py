"""Which trial a report recommends."""

from __future__ import annotations

from analysis.evidence import Evidence
from analysis.records import SETTLED, TrialRow


def chosen(evidence: Evidence) -> TrialRow | None:
    """Returns what a procedure has settled on, where it measured it; else the best trial of the first place.

    Args:
        evidence: The sweep and its ranking.

    Returns:
        The trial; None where no trial takes a place.
    """
    settled = evidence.sweep.tags.get(SETTLED)
    named = next((row for row in evidence.sweep.records.trials if settled and row.trial == settled), None)
    return named or evidence.ranking.winner
