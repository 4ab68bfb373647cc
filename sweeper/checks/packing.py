"""Packing against the lengths of the examples."""

from __future__ import annotations

from collections.abc import Iterator

from sweeper.finding import Finding
from sweeper.percent import percent
from sweeper.scene import Scene

KEY, SOURCE = "training.packing", "001, packing"

SHORT, NEAR = 0.25, 0.5
"""Tuning guide, packing: on where many examples are under 25 to 50 % of max_length, off where they are near it."""


def check(scene: Scene) -> Iterator[Finding]:
    """Says where half the examples are too long for packing, or so short that it would help."""
    tokens, training = scene.facts.tokens, scene.config.training
    if tokens is None or not scene.facts.rows:
        return
    share = tokens.p50 / training.max_length
    number = f"half the examples have at most {tokens.p50:,} of {training.max_length:,} tokens ({percent(share)})"
    if training.packing and share > NEAR:
        rule = "examples near max_length gain nothing from packing, and share their rows"
        yield Finding("warning", KEY, True, number, rule, SOURCE, f"{KEY}=false")
    elif not training.packing and share < SHORT:
        rule = "the guide would pack examples that are mostly short; a shorter max_length does as well"
        yield Finding("note", KEY, False, number, rule, SOURCE, f"{KEY}=true")
