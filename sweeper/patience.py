"""A sweep whose disk is full waits until there is room again, and says so."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from sweeper.interruption import Interruption
from sweeper.say import say
from sweeper.terminal import Say
from trainers.patience import attempts


class Patience:
    """Tries again and again to write what must be written.

    Nothing else happens meanwhile, since nothing may happen that is not recorded: workers finish what they compute and
    wait for their next command.
    """

    def __init__(self, interruption: Interruption) -> None:
        self._interruption = interruption
        self._tell: Say = say

    @contextlib.contextmanager
    def telling(self, tell: Say) -> Iterator[None]:
        """Speaks by other means until the block ends."""
        self._tell, before = tell, self._tell
        try:
            yield
        finally:
            self._tell = before

    def until(self, write: Callable[[], object]) -> None:
        """Writes until it succeeds.

        Raises:
            KeyboardInterrupt: The user asked to stop while it was hindered.
        """
        hindered = False
        for reason in attempts(write):
            if not hindered:
                self._tell(waits(reason))
            hindered = True
            if self._interruption.requested:
                raise KeyboardInterrupt
        if hindered:
            self._tell("It can be written again: the sweep goes on.")


def waits(reason: str) -> str:
    """Says why nothing happens at present."""
    return f"{reason}. Nothing is lost: the sweep waits until it can write (Ctrl-C stops it)"
