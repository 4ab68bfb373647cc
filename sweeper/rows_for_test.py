"""The rows that a sweep's winner is measured on once: how many there are, and where."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from sweeper import files, identity
from sweeper.by_text import ByText
from trainers import data
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
    plain = config.data.untouched
    return _read(ByText(repr(plain), plain))


@functools.cache
def _read(key: ByText[Data]) -> TestRows | None:
    known, read = files.rows_of(key.value), files.test_rows_of(key.value)
    if known is None or read is None or not read[0]:
        return None
    found, account = read
    seen = {_words(row) for row in (*known.train, *known.validation)}
    return TestRows(
        count=len(found),
        source=key.value.test_path or key.value.path,
        content=identity.test_content(key.value),
        shared=sum(_words(row) in seen for row in found),
        left_out=sum(account.left_out.values()),
    )


def _words(row: data.Example) -> tuple[str, str]:
    return row.prompt, row.completion
