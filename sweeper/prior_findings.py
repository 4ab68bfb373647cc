"""A documented prior beside what a trial has, as a finding: said, never applied."""

from __future__ import annotations

from typing import Any

from sweeper.finding import Finding, Severity
from sweeper.priors import PRIORS
from sweeper.scene import Scene


def beside(scene: Scene, name: str, key: str, value: Any, severity: Severity = "note") -> Finding | None:
    """Compares a value with a prior.

    Args:
        scene: The trial.
        name: The prior's, in `PRIORS`.
        key: The parameter that it is about.
        value: What is in use.
        severity: Of a value that the document would not take.

    Returns:
        The finding, a note without a remedy where the value is what the document would take; None where the data say
        nothing.
    """
    prior, facts = PRIORS[name], scene.facts
    values = prior(facts) if facts.rows else []
    if not values:
        return None
    if value in values:
        return Finding("note", key, value, prior.numbers(facts), f"{prior.rule(facts)}; so it is", prior.source)
    remedy = f"{key}={str(values[len(values) // 2]).lower()}"
    return Finding(severity, key, value, prior.numbers(facts), prior.rule(facts), prior.source, remedy)
