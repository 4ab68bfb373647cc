"""What a sweep needs once there is something to do: workers and databases, opened at the first need."""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import TracebackType
from typing import Self

from sweeper import executors
from sweeper.paths import SweepPaths
from sweeper.settings import Settings
from sweeper.tracking import Tracking


class Work:
    """Opens the workers and MLflow when they are first asked for, and closes the workers at the end."""

    def __init__(self, settings: Settings, paths: SweepPaths, connect: Callable[[], Tracking]) -> None:
        self._settings, self._paths, self._connect = settings, paths, connect

    @functools.cached_property
    def executor(self) -> executors.Executor:
        """The workers; they may still be loading their libraries."""
        return executors.launch(self._settings, self._paths.log)

    @functools.cached_property
    def track(self) -> Tracking:
        """MLflow's view of the sweep."""
        return self._connect()

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
