"""The rows that a sweep's winner is measured on once: how many there are, and where."""

from __future__ import annotations

import dataclasses
import functools
from dataclasses import dataclass

from sweeper import files, identity
from trainers import data
from trainers.seam import TrialFailed
from trainers.trial import Data, TrialConfig

KEY = "data.test_path"


@dataclass(frozen=True)
class TestRows:
    """Test rows.

    Attributes:
        count: How many there are to measure.
        source: Where they are read from.
        content: The fingerprint of their files.
        shared: How many of them are training or validation rows, too, word for word.
        left_out: How many more cannot be used (`data.on_bad_rows=skip`).
    """

    __test__ = False  # pytest takes whatever begins with Test for tests

    count: int
    source: str
    content: str
    shared: int = 0
    left_out: int = 0


def rows_for_test(config: TrialConfig) -> TestRows | None:
    """Returns what a trial's data have of test rows, read once per command; None where there are none to be read.

    What is wrong with rows that cannot be read, `sweeper.files` says.
    """
    plain = dataclasses.replace(config.data, augmentation="none", class_balance="none")  # done to training rows alone
    return _read(_Key(repr(plain), plain))


@dataclass(frozen=True)
class _Key:
    """What a configuration is remembered by; its lists cannot be."""

    text: str
    data: Data = dataclasses.field(compare=False)


@functools.cache
def _read(key: _Key) -> TestRows | None:
    known = files.rows_of(key.data)
    try:
        found, account = ([], None) if known is None else data.read_test(key.data, known.labels)
    except TrialFailed:
        return None
    if known is None or account is None or not found:
        return None
    seen = {_words(row) for row in (*known.train, *known.validation)}
    return TestRows(
        count=len(found),
        source=key.data.test_path or key.data.path,
        content=identity.test_content(key.data),
        shared=sum(_words(row) in seen for row in found),
        left_out=sum(account.left_out.values()),
    )


def _words(row: data.Example) -> tuple[str, str]:
    return row.prompt, row.completion
