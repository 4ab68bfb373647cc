"""Whether a trial fits into its device's memory."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator

from sweeper.finding import Finding, Severity
from sweeper.memory.estimate import MemoryEstimate, estimate
from sweeper.memory.remedies import remedy, with_rows
from sweeper.scene import Scene
from sweeper.target_matching import has_experts
from trainers.trial import TrialConfig

FULL, TOO_MUCH = 0.9, 1.1
"""Shares of the memory (ours): the estimate is good to 15 %, and a CUDA context is not in it."""

_KEY = "training.per_device_train_batch_size"
_SOURCE = "004; sweeper/memory"


def check(scene: Scene) -> Iterator[Finding]:
    """Estimates one trial alone, at its longest batch.

    Too little memory is an error only where a micro-batch of one row does not fit either: the driver halves
    micro-batches by itself when memory runs out (`sweeper.batches`).
    """
    if scene.model is None or scene.config.is_reference:
        return
    found, limit = _estimate(scene, scene.config), scene.hardware.memory_gib
    about = "at least " if has_experts(scene.model) else ""  # their adapters are not counted
    number = f"{about}{_gib(found.mib)} for one trial alone at its longest batch: {_parts(found)}"
    if limit is None:
        yield _finding("note", scene, number, "what the device has is not known")
        return
    share = found.mib / (limit * 1024)
    rule = f"{scene.hardware.name} has {limit:.1f} GiB to give; the estimate is {share:.0%} of it"
    if share <= FULL:
        yield _finding("note", scene, number, rule)
    else:
        yield _finding(_severity(scene, share), scene, number, rule, _remedy(scene))


def _severity(scene: Scene, share: float) -> Severity:
    if share <= TOO_MUCH:
        return "warning"
    smallest = _estimate(scene, with_rows(scene.config, 1)).mib
    return "error" if smallest > TOO_MUCH * _limit_mib(scene) else "warning"


def _finding(severity: Severity, scene: Scene, number: str, rule: str, mend: str = "") -> Finding:
    rows = scene.config.training.per_device_train_batch_size
    return Finding(severity, _KEY, rows, number, rule, _SOURCE, mend)


def _parts(found: MemoryEstimate) -> str:
    parts = dataclasses.asdict(found)
    logits, working = parts.pop("logits"), parts.pop("working")
    last = {"logits": logits} if logits > working else {"working": working}
    return ", ".join(f"{name} {_gib(size)}" for name, size in {**parts, **last}.items())


def _gib(mib: float) -> str:
    return f"{mib / 1024:.1f} GiB" if mib >= 1024 else f"{mib:.0f} MiB"


def _limit_mib(scene: Scene) -> float:
    return (scene.hardware.memory_gib or math.inf) * 1024


def _estimate(scene: Scene, config: TrialConfig) -> MemoryEstimate:
    assert scene.model is not None
    longest = scene.facts.tokens.longest if scene.facts.tokens else config.training.max_length
    length = min(longest, config.training.max_length)
    return estimate(config, scene.model, length, scene.hardware.kind, _predicted(scene))


def _predicted(scene: Scene) -> int | None:
    """Returns the most tokens of a label: at most one a character, and the end of the sequence; None for free text."""
    return max((len(name) for name, _ in scene.facts.labels), default=-2) + 2 or None


def _remedy(scene: Scene) -> str:
    assert scene.model is not None
    limit = FULL * _limit_mib(scene)
    return remedy(scene.config, scene.model, lambda config: _estimate(scene, config).mib <= limit)
