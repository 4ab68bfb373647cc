"""The rows that a sweep's winner is measured on once: how many there are, where, and what is wrong with them."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator
from dataclasses import dataclass

from sweeper import files, identity
from sweeper.validation import Problem
from trainers import bundled, data, hub
from trainers.seam import TrialFailed
from trainers.trial import Data, TrialConfig

KEY = "data.test_path"


@dataclass(frozen=True)
class TestRows:
    """Test rows; `shared` of them are training or validation rows, too, `content` is the fingerprint of their files."""

    __test__ = False  # pytest takes whatever begins with Test for tests

    count: int
    source: str
    content: str
    shared: int = 0


def rows_for_test(config: TrialConfig) -> TestRows | None:
    """Returns what a trial's data have of test rows, read once per command; None where there are none to be read."""
    found = _read(_plain(config.data))
    return None if isinstance(found, Problem) else found


def problems(config: TrialConfig) -> Iterator[Problem]:
    """Finds test rows that are missing or cannot be used, before anything is trained."""
    path = config.data.test_path
    if path is not None and not hub.is_id(path) and not bundled.data_path(path).exists():
        yield Problem(KEY, path, "there is no such file or folder", f"{KEY}=FILE, or {KEY}=null for none")
    elif isinstance(found := _read(_plain(config.data)), Problem):
        yield found


@dataclass(frozen=True)
class _Key:
    """What a configuration is remembered by; its lists cannot be."""

    text: str
    data: Data = dataclasses.field(compare=False)


def _plain(config: Data) -> _Key:
    """Returns the data without what is only done to training rows."""
    plain = dataclasses.replace(config, augmentation="none", class_balance="none")
    return _Key(repr(plain), plain)


@functools.cache
def _read(key: _Key) -> TestRows | Problem | None:
    known = files.rows_of(key.data)
    if known is None:
        return None  # what is wrong with the training rows is said already
    source = key.data.test_path or key.data.path
    try:
        found = data.load_test(key.data, known.labels)
    except TrialFailed as error:
        return Problem(
            KEY, source, str(error), f"rows like the training rows, {KEY}=null for none, or sweep.test=false"
        )
    if not found:
        return None
    seen = {(row.prompt, row.completion) for row in (*known.train, *known.validation)}
    shared = sum((row.prompt, row.completion) in seen for row in found)
    return TestRows(len(found), source, identity.test_content(key.data), shared)
