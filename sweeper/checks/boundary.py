"""Tokens that hold the end of a prompt and the beginning of its completion."""

from __future__ import annotations

from collections.abc import Iterator

from sweeper.finding import Finding
from sweeper.percent import percent
from sweeper.scene import Scene


def check(scene: Scene) -> Iterator[Finding]:
    """Says how many examples are split inside a token: what is trained on then differs from what is asked later."""
    tokens = scene.facts.tokens
    if tokens is None or not tokens.crossing:
        return
    number = f"{percent(tokens.crossing)} of the examples have a token across the end of the prompt"
    rule = (
        "training counts that token whole, as TRL does, so the model never sees the prompt as it is asked later; a "
        "completion that begins with a space keeps them apart"
    )
    remedy = 'completions that begin with a space: {"prompt": "2+2=", "completion": " 4"}'
    yield Finding("warning", "data.path", scene.config.data.path, number, rule, "TRL 1.16", remedy)
