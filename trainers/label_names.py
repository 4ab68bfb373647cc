"""Labels as parts of metrics' names, which MLflow takes: letters, digits, _ - . space and : (and / between parts)."""

from __future__ import annotations

import re
from collections.abc import Sequence

CLASS_METRICS = ("eval_precision", "eval_recall", "eval_f1")
"""What is measured of each label, as `eval_f1/LABEL`."""

MOST_NAMED = 32
"""Labels (ours): of more, 96 curves per trial and their best and last values would bury all others in MLflow."""

_LONGEST = 100  # characters: MLflow takes names of 250


def metric_labels(labels: Sequence[str]) -> list[str]:
    """Returns what stands for each label in a metric's name.

    What MLflow does not take becomes `_`. Of labels that would then be the same, case aside (some databases do not tell
    it apart), the first keeps the name and the others get a number behind it; labels that need no change come first.

    Args:
        labels: Different ones, in their order.
    """
    taken: set[str] = set()
    made: dict[str, str] = {}
    for label in sorted(labels, key=lambda label: _plain(label) != label):  # sorting keeps the order of equals
        made[label] = _free(_plain(label), taken)
        taken.add(made[label].casefold())
    return [made[label] for label in labels]


def class_metrics(labels: Sequence[str]) -> list[str]:
    """Returns the names of all that is measured, label by label; none where there are too many."""
    if len(labels) > MOST_NAMED:
        return []
    return [f"{metric}/{label}" for label in metric_labels(labels) for metric in CLASS_METRICS]


def is_of_a_class(metric: str) -> bool:
    """True for a metric that is about one label."""
    return metric.partition("/")[0] in CLASS_METRICS and "/" in metric


def _plain(label: str) -> str:
    kept = re.sub(r"[^\w.\- :]", "_", label).strip()[:_LONGEST]
    return kept if kept.strip(".") else "_" * max(1, len(kept))  # a name must not end in a folder like . or ..


def _free(name: str, taken: set[str]) -> str:
    number, free = 1, name
    while free.casefold() in taken:
        number += 1
        free = f"{name}_{number}"
    return free
