"""The number of different training rows of a trial, remembered where counting took long."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import time
from collections.abc import Sequence
from pathlib import Path

from sweeper import near_duplicates
from sweeper.identity import data_content
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
    place = _place(config, len(examples))
    return _remembered(place) or _counted(place, examples)


def _counted(place: Path, examples: Sequence[Example]) -> Different:
    started = time.monotonic()
    found = near_duplicates.different(examples)
    if time.monotonic() - started > WORTH_REMEMBERING_S:
        _remember(place, found)
    return found


def _place(config: TrialConfig, rows: int) -> Path:
    """Returns where a count is kept: what the rows are, how they become prompts, and how they are compared."""
    data = {key: value for key, value in dataclasses.asdict(config.data).items() if key not in _PATHS}
    rule = [getattr(near_duplicates, name) for name in ("SHARED", "OF", "MOST_EXACT", "BANDS", "BAND_SIZE")]
    parts = json.dumps([data_content(config), data, rows, rule], sort_keys=True)
    digest = hashlib.sha256(parts.encode()).hexdigest()[:12]
    return Path(config.model.cache_dir) / f"effective-rows-{digest}.json"


_PATHS = {"name", "path", "validation_path", "test_path"}


def _remembered(place: Path) -> Different | None:
    """Returns a count that was kept; a damaged file is none."""
    try:
        kept = json.loads(place.read_text())
        return Different(int(kept["rows"]), bool(kept["exact"]))
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _remember(place: Path, found: Different) -> None:
    """Writes a count in one piece; where nothing can be written it is counted again next time."""
    unfinished = place.with_name(f"{place.name}.{os.getpid()}")
    with contextlib.suppress(OSError):
        place.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_text(json.dumps(dataclasses.asdict(found)))
        unfinished.replace(place)
