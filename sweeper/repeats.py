"""Rows that stand twice: copies among the training rows, and validation rows that are trained on."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from sweeper import effective_rows, near_duplicates, remembered_counts
from trainers.data import Example, Rows
from trainers.evenly_spaced import evenly_spaced
from trainers.trial import TrialConfig

MOST_COMPARED = 500
"""Validation rows, evenly spaced, that are compared word by word: a share of 1 % of them is known to half a percent."""


@dataclass(frozen=True)
class Repeats:
    """What is there twice.

    `copies` are training rows that repeat an earlier one exactly, `leaked` validation rows that are training rows too.
    Of `compared` validation rows `near` ones share four of five of their words with a training row, the leaked among
    them (`sweeper.near_duplicates`).
    """

    copies: int = 0
    leaked: int = 0
    near: int = 0
    compared: int = 0


def repeats_of(config: TrialConfig, rows: Rows) -> Repeats:
    """Counts what is there twice, or recalls it where there are many rows.

    Args:
        config: The trial; the count is kept in its `model.cache_dir`.
        rows: Its rows, without augmentation.
    """
    rule = [near_duplicates.SHARED, near_duplicates.OF, MOST_COMPARED, len(rows.validation)]
    place = remembered_counts.place(config, "repeats", len(rows.train), rule)
    kept = remembered_counts.remembered(place) or {}
    try:
        return Repeats(**{item.name: int(kept[item.name]) for item in dataclasses.fields(Repeats)})
    except (KeyError, TypeError, ValueError):
        pass
    found = counted(rows.train, rows.validation)
    if len(rows.train) > effective_rows.WORTH_REMEMBERING:
        remembered_counts.remember(place, dataclasses.asdict(found))
    return found


def counted(train: Sequence[Example], validation: Sequence[Example]) -> Repeats:
    """Counts what is there twice."""
    known = {(row.prompt, row.completion) for row in train}
    leaked = sum((row.prompt, row.completion) in known for row in validation)
    taken = evenly_spaced(validation, MOST_COMPARED)
    words = near_duplicates.words_of([*train, *taken])  # together: what all prompts share is a template's
    trained, asked = words[: len(train)], words[len(train) :]
    met = near_duplicates.met(asked, dict.fromkeys(trained))
    return Repeats(len(train) - len(known), leaked, sum(row in met for row in asked), len(asked))
