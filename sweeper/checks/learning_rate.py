"""The learning rate against the documents' scale, which is LoRA's: ten times that of full fine-tuning."""

from __future__ import annotations

from collections.abc import Iterator

from sweeper.finding import Finding, Severity
from sweeper.scene import Scene
from trainers import bundled

KEY, STANDARD = "training.learning_rate", 2e-4

FULL_FINE_TUNING = 2e-5
"""Tuning guide, learning_rate: "about 10x smaller"."""

CONSERVATIVE, AGGRESSIVE, UNSTABLE = 1e-4, 5e-4, 1e-3
"""Document 002, Learning Rate: below the first it is conservative, above the second aggressive, from the third on at
risk."""


def check(scene: Scene) -> Iterator[Finding]:
    """Places the rate on the scale, which was made for AdamW and models of size; the bundled one wants more."""
    training, rate = scene.config.training, scene.config.training.learning_rate
    if bundled.is_bundled(scene.config.model.path) or "adam" not in training.optim:
        return
    if training.lr_scheduler_type == "range_test" or CONSERVATIVE <= rate <= AGGRESSIVE:
        return
    severity, rule, source = _placed(rate)
    yield Finding(severity, KEY, rate, f"{rate:g} is {rate / STANDARD:.3g} x {STANDARD:g}", rule, source, f"{KEY}=2e-4")


def _placed(rate: float) -> tuple[Severity, str, str]:
    if rate <= FULL_FINE_TUNING:
        rule = "a rate for full fine-tuning; an adapter wants about ten times as much"
        return "warning", rule, "001, learning_rate"
    if rate < CONSERVATIVE:
        return "note", "conservative: 2e-4 is standard for LoRA", "002, Learning Rate"
    if rate < UNSTABLE:
        return "note", "aggressive: 2e-4 is standard for LoRA", "002, Learning Rate"
    return "warning", "risk of instability: 2e-4 is standard for LoRA", "002, Learning Rate"
