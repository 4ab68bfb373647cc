"""Labels that few rows have."""

from __future__ import annotations

from collections.abc import Iterator

from sweeper.finding import Finding
from sweeper.percent import percent
from sweeper.scene import Scene

RARE = 0.5
"""Of an even share: a label with less than half of it is a minority worth a metric of its own (ours)."""

FAIR = ("eval_macro_f1", "eval_minority_f1", "eval_generated_macro_f1")
"""Metrics in which a rare label counts as much as a frequent one."""


def check(scene: Scene) -> Iterator[Finding]:
    """Says how the labels are spread; a rare one is a warning where the metric overlooks it."""
    labels = scene.facts.labels
    if len(labels) == 1:
        yield _one(labels[0])
    if len(labels) < 2:
        return
    name, rows = labels[-1]
    total = sum(count for _, count in labels)
    spread = ", ".join(f"{label} {count:,}" for label, count in labels[:_MOST_LISTED])
    more = f" and {len(labels) - _MOST_LISTED} more" if len(labels) > _MOST_LISTED else ""
    number = f"{spread}{more}; the minority, {name}, is {percent(rows / total)}"
    rare = rows / total < RARE / len(labels)
    if not rare or scene.facts.metric in FAIR:
        rule = f"{scene.facts.metric} counts every label alike" if rare else "even shares need no metric of their own"
        yield Finding("note", "data.labels", len(labels), number, rule, "ours")
        return
    rule = f"a model can overlook {name} and still have a good {scene.facts.metric}"
    source = "001, lora_dropout (minority class)"
    yield Finding("warning", "data.labels", len(labels), number, rule, source, "sweep.metric=eval_macro_f1")


def _one(label: tuple[str, int]) -> Finding:
    number, rule = f"all {label[1]:,} labelled rows are {label[0]}", "whatever is asked, one label is always right"
    return Finding("warning", "data.labels", 1, number, rule, "ours", "rows of another label in data.path")


_MOST_LISTED = 12
