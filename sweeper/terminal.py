"""One way to speak while a sweep runs: above a live region on a terminal, in plain lines anywhere else."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from sweeper import live
from sweeper.overview import Overview
from sweeper.say import say

Say = Callable[[str], None]


@contextlib.contextmanager
def terminal(overview: Overview, metric: str) -> Iterator[Say]:
    """Yields what prints a line; the live region is gone when the block ends.

    Args:
        overview: What the region shows.
        metric: What is optimised.
    """
    if not live.is_wanted():
        yield say
        return
    region = live.Live(overview, metric)
    region.open()
    try:
        yield region.say
    finally:
        region.close()
