"""A trial before it runs, made up: for the checks, which are pure functions of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

from sweeper.facts import Facts
from sweeper.finding import Finding
from sweeper.lengths import Lengths
from sweeper.repeats import Repeats
from sweeper.scene import Hardware, Scene
from trainers.trial import Data, Lora, Model, Quantization, Training, TrialConfig

PLAIN = TrialConfig(
    model=Model("m", "org/m"),
    quantization=Quantization(),
    lora=Lora(r=16, alpha=32, gain=2.0),
    data=Data("d", "train.jsonl"),
    training=Training(2e-4, gradient_accumulation_steps=2, max_steps=500, warmup_steps=0.03),
)
"""A trial of which nothing is said."""


def lengths(p50: int = 60, p99: int = 200, truncated: float = 0.0, dropped: float = 0.0) -> Lengths:
    return Lengths(float(p50), p50, p99, p99, p99, "the model's tokenizer", truncated, dropped)


def scene(rows: int = 5_000, **set_: Any) -> Scene:
    """Returns a scene: `lora_r=8` sets `lora.r`; `tokens`, `labels`, `metric`, `effective` are of its data."""
    known = {key: set_.pop(key) for key in ("tokens", "labels", "metric") if key in set_}
    effective, source = set_.pop("effective", rows), set_.pop("source", rows)
    others = {key: set_.pop(key) for key in ("repeats", "hardware", "accounts") if key in set_}
    facts = Facts(rows, effective, validation_rows=100, **{"tokens": lengths(), **known})
    made = Scene(configured(set_), facts, source, **{"hardware": Hardware("cpu"), **others})
    return dataclasses.replace(made, facts=dataclasses.replace(facts, steps=made.steps))


def configured(values: dict[str, Any]) -> TrialConfig:
    config = PLAIN
    for key, value in values.items():
        group, _, name = key.partition("_")
        changed = dataclasses.replace(getattr(config, group), **{name: value})
        config = dataclasses.replace(config, **{group: changed})
    return config


def severities(check: Callable[[Scene], Iterator[Finding]], **set_: Any) -> list[str]:
    return [finding.severity for finding in check(scene(**set_))]


def only(check: Callable[[Scene], Iterator[Finding]], **set_: Any) -> Finding:
    (finding,) = check(scene(**set_))
    return finding


LEAKED = Repeats(copies=3, leaked=2, near=5, compared=100)
