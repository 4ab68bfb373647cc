"""Counts over many training rows, kept under a fingerprint of the data they are about."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sweeper.identity import data_content
from trainers.trial import TrialConfig


def place(config: TrialConfig, kind: str, rows: int, rule: Sequence[Any]) -> Path:
    """Returns where a count is kept: what the rows are, how they become prompts, and how they are compared.

    Args:
        config: The trial: counts are kept in its `model.cache_dir`.
        kind: What is counted, the file's name.
        rows: The rows that are counted.
        rule: The constants that a count depends on.
    """
    data = {key: value for key, value in dataclasses.asdict(config.data).items() if key not in _PATHS | _ANSWERED}
    parts = json.dumps([data_content(config), data, rows, list(rule)], sort_keys=True)
    digest = hashlib.sha256(parts.encode()).hexdigest()[:12]
    return Path(config.model.cache_dir) / f"{kind}-{digest}.json"


_PATHS = {"name", "path", "validation_path", "test_path", "cache_dir"}
_ANSWERED = {"validation_prompts", "max_new_tokens", "generated_rows"}


def remembered(file: Path) -> dict[str, Any] | None:
    """Returns a count that was kept; a damaged file is none."""
    try:
        kept = json.loads(file.read_text())
    except (OSError, ValueError):
        return None
    return kept if isinstance(kept, dict) else None


def remember(file: Path, found: Mapping[str, Any]) -> None:
    """Writes a count in one piece; where nothing can be written it is counted again next time."""
    unfinished = file.with_name(f"{file.name}.{os.getpid()}")
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_text(json.dumps(dict(found)))
        unfinished.replace(file)
