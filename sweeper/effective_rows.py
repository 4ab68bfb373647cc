"""The number of different training rows of a trial, remembered where there are many."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from sweeper import near_duplicates, remembered_counts
from sweeper.near_duplicates import Different
from trainers.data import Example
from trainers.trial import TrialConfig

WORTH_REMEMBERING = 5_000
"""Rows. Fewer take some tenths of a second and are counted again: a check of small data writes nothing, on however
slow a machine."""


def effective_rows(config: TrialConfig, examples: Sequence[Example]) -> Different:
    """Counts the different rows.

    Args:
        config: The trial; the count is kept in its `model.cache_dir`, under a fingerprint of the data.
        examples: Its training rows.
    """
    rule = [getattr(near_duplicates, name) for name in ("SHARED", "OF", "MOST_EXACT", "SAMPLED")]
    place = remembered_counts.place(config, "effective-rows", len(examples), rule)
    return _remembered(place) or _counted(place, examples)


def _counted(place: Path, examples: Sequence[Example]) -> Different:
    found = near_duplicates.different(examples)
    if len(examples) > WORTH_REMEMBERING:
        remembered_counts.remember(place, dataclasses.asdict(found))
    return found


def _remembered(place: Path) -> Different | None:
    kept = remembered_counts.remembered(place) or {}
    try:
        return Different(int(kept["rows"]), bool(kept["exact"]))
    except (ValueError, TypeError, KeyError):
        return None
