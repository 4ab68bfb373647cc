"""Checks the files a trial names, before anything trains."""

from __future__ import annotations

import functools
from pathlib import Path

from sweeper.validation import Problem
from trainers import bundled, data, replay
from trainers.seam import TrialFailed
from trainers.trial import Data, TrialConfig


def problems(config: TrialConfig, trainer: str) -> list[Problem]:
    """Finds what is wrong with a trial's data files and model folder.

    Args:
        config: A validated trial.
        trainer: A replayed trial needs neither data nor model.
    """
    if trainer == "replay":
        return []
    return [*_data_problems(_Key(config.data)), *_model_problems(config)]


class _Key:
    """Lets a dataclass with lists in it be remembered: equal configurations are one key."""

    def __init__(self, config: Data) -> None:
        self.config, self._text = config, repr(config)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)


@functools.cache
def _data_problems(key: _Key) -> list[Problem]:
    config = key.config
    try:
        data.load(config)
    except TrialFailed as error:
        return [Problem("data.path", config.path, str(error), "docs/data.md names the formats")]
    return []


def _model_problems(config: TrialConfig) -> list[Problem]:
    path = config.model.path
    looks_local = path.startswith((".", "/", "~")) or Path(path).exists()
    if bundled.is_bundled(path) or not looks_local or (Path(path) / "config.json").is_file():
        return []
    rule = "a local model is a folder with a config.json, as save_pretrained writes it"
    return [Problem("model.path", path, rule, "a folder with config.json, or a hub id such as org/name")]


def table_problems(path: str | None) -> list[Problem]:
    """Finds what is wrong with a table of recorded curves."""
    if path is None or not Path(path).is_file():
        return [Problem("replay.table", path, "trainer=replay answers from a CSV file", "replay.table=curves.csv")]
    try:
        replay.read_table(path)
    except (ValueError, UnicodeDecodeError) as error:
        return [Problem("replay.table", path, f"is no table of numbers: {error}", "docs/replay.md shows one")]
    return []
