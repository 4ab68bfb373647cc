"""Examples that `training.max_length` cuts, and those of which nothing is left to train on."""

from __future__ import annotations

from collections.abc import Iterator

from sweeper.checks.positions import positions
from sweeper.finding import Finding, Severity
from sweeper.lengths import Lengths
from sweeper.percent import percent
from sweeper.prior_findings import beside
from sweeper.priors import PRIORS
from sweeper.scene import Scene

KEY = "training.max_length"

MANY = 0.05
"""The share of cut examples from which it is a warning (ours); the guide wants not many tail tokens discarded."""


def check(scene: Scene) -> Iterator[Finding]:
    """Says how long the examples are, how many are cut, and how many are left out altogether."""
    tokens = scene.facts.tokens
    if tokens is None or not scene.facts.rows:
        return
    yield _lengths(scene, tokens)
    if tokens.truncated:
        yield _cut(scene, tokens)
    if tokens.dropped:
        yield _dropped(scene, tokens)
    prior = beside(scene, "max_length", KEY, scene.config.training.max_length)
    if prior is not None and not tokens.truncated:
        yield prior


def _lengths(scene: Scene, tokens: Lengths) -> Finding:
    shares = f"half have at most {tokens.p50:,}, 99 % {tokens.p99:,}, the longest {tokens.longest:,}"
    number = f"{tokens.mean:,.1f} tokens an example on average; {shares}"
    return Finding("note", "data.path", scene.config.data.path, number, f"tokens: {tokens.source}", "ours")


def _cut(scene: Scene, tokens: Lengths) -> Finding:
    severity: Severity = "warning" if tokens.truncated > MANY else "note"
    limit, number = scene.config.training.max_length, f"{percent(tokens.truncated)} of the examples are cut"
    rule = f"examples end within {KEY}, all but a few; 99 % have at most {tokens.p99:,} tokens"
    return Finding(severity, KEY, limit, number, rule, "001, packing; 002, max_length", _longer(scene))


def _dropped(scene: Scene, tokens: Lengths) -> Finding:
    severity: Severity = "error" if tokens.dropped >= 1 else "warning"
    number = f"{percent(tokens.dropped)} of the examples are left out"
    rule = "their prompts alone fill the length: no token of the completion is left to train on, and TRL drops them"
    return Finding(severity, KEY, scene.config.training.max_length, number, rule, "TRL 1.16", _longer(scene))


def _longer(scene: Scene) -> str:
    """Returns the guide's length for these rows, or as much of it as the model has positions for."""
    limit, values = positions(scene.model), PRIORS["max_length"](scene.facts)
    if not values:
        return ""
    length = min(values[0], limit or values[0])
    return f"{KEY}={length}" if length > scene.config.training.max_length else "shorter rows in data.path"
