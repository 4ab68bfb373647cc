"""What the documents advise after each verdict, in their order, in the numbers of the very run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from analysis import adapter_remedies as adapter
from analysis import schedule_remedies as schedule
from analysis import training_remedies as training
from analysis.remedy import Maker, Remedy
from analysis.verdict import Name, Verdict

_UNSTABLE: tuple[Maker, ...] = (
    schedule.more_warmup,
    adapter.weaker_first,
    schedule.slower,
    training.clipping,
    training.wider_range,
    adapter.weaker_later,
)

_UNDERFITTING: tuple[Maker, ...] = (
    schedule.faster,
    adapter.less_dropout,
    adapter.wider_targets,
    adapter.more_ranks,
    adapter.stronger,
    training.less_decay,
    training.longer,
)

# 004's failed run: too few rows seen, in noisy updates of a 4-bit base.
_NOTHING_LEARNED: tuple[Maker, ...] = (
    *(schedule.faster, training.larger_batch, training.longer, training.eight_bits, adapter.full_precision),
    *_UNDERFITTING[1:-1],
)

REMEDIES: Mapping[Name, tuple[Maker, ...]] = {
    "learning": (),
    "no_meaningful_learning": _NOTHING_LEARNED,
    "underfitting": _UNDERFITTING,
    "overfitting": (
        adapter.more_dropout,
        adapter.fewer_ranks,
        training.more_decay,
        training.shorter,
        training.early_stopping,
        adapter.no_bias,
        adapter.halved_afterwards,
    ),
    "diverged": _UNSTABLE,
    "spiky": _UNSTABLE,
    "oscillating": (schedule.decay, *_UNSTABLE, training.larger_batch),
    "dead_gradient": (
        training.check_what_trains,
        training.wider_range,
        adapter.full_precision,
        training.larger_batch,
        training.eight_bits,
        adapter.wider_targets,
    ),
    "stagnant_evaluation": _NOTHING_LEARNED,
    "lr_exhausted": (schedule.floor, schedule.constant_rate, schedule.faster),
    "still_improving": (training.longer, schedule.faster),
    "late_collapse": (
        adapter.weaker_first,
        schedule.slower,
        schedule.decay,
        training.clipping,
        training.early_stopping,
        adapter.weaker_later,
    ),
    "class_collapse": (adapter.weaker, schedule.slower, training.augmentation),
    "over_confident": (
        adapter.weaker,
        adapter.more_dropout,
        schedule.decay,
        training.label_smoothing,
        training.shorter,
    ),
    "recall_limited": (adapter.dropout_for_recall, training.threshold),
    "precision_limited": (adapter.dropout_for_precision, training.threshold),
}
"""What is tried, in this order, after each verdict (001, 002, 004)."""


def remedies(verdict: Verdict, params: Mapping[str, Any]) -> list[Remedy]:
    """Returns what the documents advise after a verdict.

    Args:
        verdict: What a curve shows.
        params: The run's parameters under their dotted names, as MLflow keeps them. What is missing, as most is of runs
            that others recorded, is advised in words.

    Returns:
        Remedies in the documents' order, with this run's numbers; what is at its end already is not among them.
    """
    made = (make(params, verdict) for make in REMEDIES[verdict.name])
    return [remedy for remedy in made if remedy is not None]
