"""Rank against the effective size of the data."""

from __future__ import annotations

from collections.abc import Iterator

from sweeper.finding import Finding
from sweeper.prior_findings import beside
from sweeper.priors import ranks
from sweeper.scene import Scene


def check(scene: Scene) -> Iterator[Finding]:
    """Says the guide's ranks; a higher one than its highest is a warning: it learns rows by heart."""
    r = scene.config.lora.r
    high = max(ranks(scene.facts))
    found = beside(scene, "ranks", "lora.r", r, "warning" if r > high else "note")
    if found is not None:
        yield found
