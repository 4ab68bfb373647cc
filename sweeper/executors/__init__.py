"""Where workers run: in this process (`inline`) or in processes of their own (`local`)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from sweeper.settings import Settings
from trainers.seam import Worker


class Executor(Protocol):
    """A set of workers, one per device."""

    @property
    def workers(self) -> Sequence[Worker]:
        """The workers, in a fixed order."""
        ...

    def wait(self, timeout_s: float) -> None:
        """Returns when a worker has something to say, or after the timeout."""
        ...

    def close(self) -> None:
        """Ends every worker and whatever it was doing."""
        ...


def launch(settings: Settings, log: Path) -> Executor:
    """Begins to start the workers that the settings ask for, and returns at once.

    Args:
        settings: Executor and trainer.
        log: The file that takes what workers print.

    Returns:
        The executor; its workers may still be loading their libraries.
    """
    if settings.executor.name == "inline":
        from sweeper.executors.inline import InlineExecutor

        return InlineExecutor(settings)
    from sweeper.executors.local import LocalExecutor

    return LocalExecutor(settings, log)
