"""The workers of a sweep, opened once there is something to do."""

from __future__ import annotations

import functools
from types import TracebackType
from typing import Self

from sweeper import executors
from sweeper.paths import SweepPaths
from sweeper.settings import Settings


class Work:
    """Opens the workers when they are first asked for, and closes them at the end."""

    def __init__(self, settings: Settings, paths: SweepPaths) -> None:
        self._settings, self._paths = settings, paths

    @functools.cached_property
    def executor(self) -> executors.Executor:
        """The workers; they may still be loading their libraries."""
        return executors.launch(self._settings, self._paths.log)

    @property
    def has_begun(self) -> bool:
        """True once there was something to train."""
        return "executor" in self.__dict__

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.has_begun:
            self.executor.close()
