"""The number of different training rows of a trial, remembered where counting took long."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from pathlib import Path

from sweeper import near_duplicates, remembered_counts
from sweeper.near_duplicates import Different
from trainers.data import Example
from trainers.trial import TrialConfig

WORTH_REMEMBERING_S = 1.0
"""Seconds. What takes less is counted again: a dry run of small data writes nothing."""


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
    started = time.monotonic()
    found = near_duplicates.different(examples)
    if time.monotonic() - started > WORTH_REMEMBERING_S:
        remembered_counts.remember(place, dataclasses.asdict(found))
    return found


def _remembered(place: Path) -> Different | None:
    kept = remembered_counts.remembered(place) or {}
    try:
        return Different(int(kept["rows"]), bool(kept["exact"]))
    except (ValueError, TypeError, KeyError):
        return None
