"""Which metrics are better the more, and which the less: as sweeps measure them (docs/metrics.md)."""

from __future__ import annotations

from typing import Literal

MAXIMIZED = (
    *("token_accuracy", "eval_accuracy", "eval_macro_f1", "eval_weighted_f1"),
    *("eval_minority_f1", "eval_minority_precision", "eval_minority_recall"),
    *("eval_generated_accuracy", "eval_generated_macro_f1"),
    *("eval_rouge1", "eval_rouge2", "eval_rougeL", "eval_exact_match"),
)
"""Metrics of which more is better."""

MINIMIZED = ("eval_loss", "perplexity", "eval_ece", "eval_outside_rate", "eval_outside_probability")
"""Metrics of which less is better."""

OF_CLASSES = ("eval_precision/", "eval_recall/", "eval_f1/")
"""How metrics of a single label begin; more is better."""


def direction(metric: str) -> Literal["minimize", "maximize"] | None:
    """Returns what is known of a metric, None where nothing is."""
    if metric in MINIMIZED:
        return "minimize"
    return "maximize" if metric in MAXIMIZED or metric.startswith(OF_CLASSES) else None
