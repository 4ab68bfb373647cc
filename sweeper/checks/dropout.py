"""Dropout against the size of the data."""

from __future__ import annotations

from collections.abc import Iterator

from sweeper.finding import Finding
from sweeper.prior_findings import beside
from sweeper.scene import Scene

HIGHEST = 0.2
"""Document 002's, for under 5,000 or noisy rows; the guide's notches end at 0.1."""


def check(scene: Scene) -> Iterator[Finding]:
    """Says the guide's dropout; more than any document names is a warning: the adapter hardly learns."""
    value = scene.config.lora.dropout
    found = beside(scene, "dropout", "lora.dropout", value, "warning" if value > HIGHEST else "note")
    if found is not None:
        yield found
