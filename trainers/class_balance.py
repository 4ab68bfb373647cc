"""What is done about labels with fewer training rows than others (`data.class_balance`)."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Sequence

from trainers.example import Example
from trainers.split import SPLIT_SEED, by_label
from trainers.trial import Data


def balanced(examples: Sequence[Example], data: Data) -> list[Example]:
    """Balances labelled training rows.

    Args:
        examples: Training rows after `data.max_samples`, before augmentation: what is repeated or left out here takes
            its variants along.
        data: What is to be done.

    Returns:
        With `oversample`, rows of rarer labels repeated behind themselves, each as often as the other or once more,
        until every label has as many as the most frequent; with `undersample`, of every label as many rows as the
        rarest has, a seeded draw; with `weights`, the same rows with weights; else the same rows.
    """
    if data.class_balance == "oversample":
        return _oversampled(examples)
    if data.class_balance == "undersample":
        return _undersampled(examples)
    return _weighted(examples) if data.class_balance == "weights" else list(examples)


def _weighted(examples: Sequence[Example]) -> list[Example]:
    """Weights every row by n / (labels * n of its label), so that labels weigh the same and a row 1 on average.

    That is scikit-learn's class_weight="balanced" (sklearn.utils.class_weight.compute_class_weight, after King and
    Zeng 2001), over the labels that training rows have.
    """
    counts = {label: len(members) for label, members in by_label(examples).items()}
    weights = {label: len(examples) / (len(counts) * count) for label, count in counts.items()}
    return [dataclasses.replace(example, weight=weights[example.label]) for example in examples]


def _oversampled(examples: Sequence[Example]) -> list[Example]:
    groups = by_label(examples).values()
    most = max(map(len, groups), default=0)
    times = {index: _times(place, len(members), most) for members in groups for place, index in enumerate(members)}
    return [example for index, example in enumerate(examples) for _ in range(times[index])]


def _times(place: int, count: int, wanted: int) -> int:
    """Returns how often a row of a label stands so that all of them together stand `wanted` times, evenly spread."""
    return wanted * (place + 1) // count - wanted * place // count


def _undersampled(examples: Sequence[Example]) -> list[Example]:
    groups = by_label(examples).values()
    least = min(map(len, groups), default=0)
    chosen = {index for members in groups for index in random.Random(SPLIT_SEED).sample(members, least)}
    return [example for index, example in enumerate(examples) if index in chosen]
