"""Carries records to a store that may not answer, in a thread of its own: training never waits for it."""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from analysis.redaction import redacted
from sweeper.history import Trial

FLUSH_S = 0.5  # a running curve reaches the store this often, one write for all its points
_LONGEST_PAUSE_S = 30.0
_HANGS_S = 10.0  # a call that takes longer, at the end, is not waited for
_TICK_S = 0.02

Record = dict[str, Any]


class Destination(Protocol):
    """What is brought to a store, and the way there."""

    def take(self, record: Record) -> None:
        """Takes a record into account."""
        ...

    def deliver(self) -> Iterator[None]:
        """Sends what is missing, bit by bit."""
        ...

    def forget(self) -> None:
        """Believes nothing any more of what was sent."""
        ...

    @property
    def missing(self) -> str:
        """Says what the store lacks, or may lack; empty where it has everything."""
        ...

    @property
    def refused(self) -> Mapping[str, str]:
        """What the store does not take, and why."""
        ...


class Courier:
    """Delivers to one store what it is told, in order, and tries again for as long as it has to."""

    def __init__(self, name: str, destination: Destination, before: Sequence[Record]) -> None:
        """Begins with what is known; the thread starts with the first record, or at the end.

        Args:
            name: The store, as a user knows it.
            destination: What is brought there; the thread's alone from now on.
            before: The log as it is.
        """
        self.name, self._destination = name, destination
        self._records: queue.SimpleQueue[Record] = queue.SimpleQueue()
        for record in before:
            self._records.put(record)
        self._said: deque[str] = deque()
        self._wake, self._closing, self._done = threading.Event(), threading.Event(), threading.Event()
        self._fails = False
        self._reached = 0  # how far an attempt came that failed
        self._lived = time.monotonic()
        # A daemon: whatever hangs in there, the process ends when it is told to.
        self._thread = threading.Thread(target=self._run, name=f"courier to {name}", daemon=True)

    def apply(self, record: Mapping[str, Any], trial: Trial | None = None) -> None:
        """Takes a record along."""
        self._records.put(dict(record))
        self.start()

    def start(self) -> None:
        """Starts to deliver, if that has not begun."""
        if self._thread.ident is None:
            self._lived = time.monotonic()
            self._thread.start()

    def said(self) -> list[str]:
        """Returns what a user should read since the last time."""
        return [self._said.popleft() for _ in range(len(self._said))]

    def finish(self, patience_s: float) -> str | None:
        """Delivers everything.

        Args:
            patience_s: How long a store that does not answer is tried again.

        Returns:
            What did not arrive; None where everything did.
        """
        self.start()
        asked = time.monotonic()
        self._closing.set()
        self._wake.set()
        while not self._done.wait(_TICK_S):
            quiet_s = time.monotonic() - max(asked, self._lived)
            if quiet_s > (patience_s if self._fails else max(_HANGS_S, patience_s)):
                return self._destination.missing or "how the sweep ended"
        return None

    @property
    def refused(self) -> Mapping[str, str]:
        """What the store does not take, and why."""
        return self._destination.refused

    def _run(self) -> None:
        pause_s = FLUSH_S
        while True:
            closing = self._closing.is_set()
            self._attempt()
            if closing and not self._fails and self._records.empty():
                self._done.set()
                return
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S) if self._fails and not closing else FLUSH_S
            self._wake.wait(pause_s)
            self._wake.clear()

    def _attempt(self) -> None:
        try:
            while not self._records.empty():
                self._destination.take(self._records.get())
            for reached, _ in enumerate(self._destination.deliver(), start=1):
                # Whoever fails at the same point again and again is no more alive for having come so far.
                if reached > self._reached:
                    self._lived, self._reached = time.monotonic(), reached if self._fails else 0
        except Exception as error:  # noqa: BLE001 - whatever a store or the way to it raises, the sweep goes on
            self._destination.forget()
            self._note(error)
        else:
            self._lived, self._reached = time.monotonic(), 0
            self._note(None)

    def _note(self, error: Exception | None) -> None:
        if error is not None and not self._fails:
            self._said.append(
                f"{self.name} does not answer ({reason(error)}). The sweep goes on; what is missing there follows."
            )
        if error is None and self._fails:
            self._said.append(f"{self.name} answers again.")
        self._fails = error is not None


def reason(error: Exception) -> str:
    """Returns what went wrong, in one line without passwords."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    named = "" if type(error).__module__.startswith("sweeper") else f"{type(error).__name__}: "
    return redacted(f"{named}{lines[0]}" if lines else type(error).__name__)[:300]
