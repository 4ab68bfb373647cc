"""Ctrl-C, SIGTERM and SIGHUP: the sweep stops between two events and says how to continue."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType, TracebackType
from typing import Self

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Eager:
    """Ctrl-C before a sweep has begun: ends the command at once, and remembers that it should have.

    Some libraries take whatever is raised while they are imported for a reason to do without something.
    """

    def __init__(self) -> None:
        self.heard = False

    @classmethod
    def listens(cls) -> None:
        """Takes the place of Python's own handler, unless Ctrl-C is ignored here or heard by somebody else."""
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, cls())

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Is told a signal.

        Raises:
            KeyboardInterrupt: Always.
        """
        self.heard = True
        raise KeyboardInterrupt


class Interruption:
    """Remembers that somebody asked the sweep to stop; a second request stops at once."""

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None
        self._at_once = False
        self._previous: dict[signal.Signals, signal._HANDLER] = {}

    @property
    def requested(self) -> bool:
        """True once a signal has arrived."""
        return self.signal is not None

    @contextlib.contextmanager
    def at_once(self) -> Iterator[None]:
        """Lets a request within end what is done there.

        Raises:
            KeyboardInterrupt: Somebody asked the sweep to stop, or has asked before.
        """
        if self.requested:
            raise KeyboardInterrupt
        self._at_once = True
        try:
            yield
        finally:
            self._at_once = False

    def __enter__(self) -> Self:
        before = signal.getsignal(signal.SIGINT)
        if isinstance(before, Eager) and before.heard:
            raise KeyboardInterrupt
        for number in SIGNALS:
            self._previous[number] = signal.signal(number, self._receive)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        stops = self.requested or self._at_once
        self.signal = signal.Signals(number)
        if stops:
            raise KeyboardInterrupt
