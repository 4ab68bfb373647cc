"""Whether a trial fits into its device's memory."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator

from sweeper.finding import Finding, Severity
from sweeper.lengths import CHARACTERS_A_TOKEN
from sweeper.memory.estimate import MemoryEstimate, estimate
from sweeper.memory.remedies import remedy, smallest
from sweeper.scene import Scene
from sweeper.target_matching import has_experts
from trainers.label_groups import MOST_TOGETHER
from trainers.trial import TrialConfig

FULL, TOO_MUCH = 0.9, 1.1
"""Shares of the memory (ours): the estimate is good to 15 %, and a CUDA context is not in it."""

_TRAIN, _EVAL = "per_device_train_batch_size", "per_device_eval_batch_size"
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
        yield _finding("note", scene, found, number, "what the device has is not known")
        return
    share = found.mib / (limit * 1024)
    rule = f"{scene.hardware.name} has {limit:.1f} GiB to give; the estimate is {100 * share:.0f} % of it"
    if share <= FULL:
        yield _finding("note", scene, found, number, rule)
    else:
        yield _finding(_severity(scene, share), scene, found, number, rule, mend=_remedy(scene))


def _severity(scene: Scene, share: float) -> Severity:
    if share <= TOO_MUCH:
        return "warning"
    least = _estimate(scene, smallest(scene.config)).mib
    return "error" if least > TOO_MUCH * _limit_mib(scene) else "warning"


def _finding(
    severity: Severity, scene: Scene, found: MemoryEstimate, number: str, rule: str, *, mend: str = ""
) -> Finding:
    name = _TRAIN if found.training >= found.evaluation else _EVAL  # whichever the peak is of
    value = getattr(scene.config.training, name)
    return Finding(severity, f"training.{name}", value, number, rule, _SOURCE, mend)


def _parts(found: MemoryEstimate) -> str:
    sizes = dataclasses.asdict(found)
    largest = "working" if found.working > found.logits else "logits"
    stays = ", ".join(f"{name} {_gib(sizes[name])}" for name in ("base", "adapters", "optimizer"))
    trains = ", ".join(f"{name} {_gib(sizes[name])}" for name in ("gradients", "activations", largest))
    return f"{stays}; training {_gib(found.training)} ({trains}), or evaluating {_gib(found.evaluation)}"


def _gib(mib: float) -> str:
    return f"{mib / 1024:.1f} GiB" if mib >= 1024 else f"{mib:.0f} MiB"


def _limit_mib(scene: Scene) -> float:
    return (scene.hardware.memory_gib or math.inf) * 1024


def _estimate(scene: Scene, config: TrialConfig) -> MemoryEstimate:
    assert scene.model is not None
    longest = scene.facts.tokens.longest if scene.facts.tokens else config.training.max_length
    length = min(longest, config.training.max_length)
    labels = [_tokens(name) for name, _ in scene.facts.labels]
    return estimate(
        config,
        scene.model,
        length,
        scene.hardware.kind,
        predicted=scene.facts.tokens.longest_completion if scene.facts.tokens else None,
        validation_rows=scene.facts.validation_rows or None,
        answers=min(sum(labels), MOST_TOGETHER) or None,
    )


def _tokens(label: str) -> int:
    """Returns about how many tokens a label is, with the end of the sequence."""
    return math.ceil(len(label) / CHARACTERS_A_TOKEN) + 1


def _remedy(scene: Scene) -> str:
    assert scene.model is not None
    return remedy(scene.config, scene.model, lambda config: _estimate(scene, config).mib, FULL * _limit_mib(scene))
