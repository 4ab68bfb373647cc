"""One worker in the driver's own process and thread: everything a debugger could want."""

from __future__ import annotations

import gc

from sweeper.executors.devices import devices
from sweeper.executors.resources import resources_of
from sweeper.settings import Settings
from trainers import registry


class InlineExecutor:
    """Calls a trainer directly."""

    def __init__(self, settings: Settings) -> None:
        device = devices(settings.executor)[0]
        device.claim()
        resources = resources_of(settings, device)
        self.workers = [registry.make(settings.trainer.name, resources)]
        gc.freeze()  # accelerate collects garbage before each trial: half a second, were the libraries looked through

    def wait(self, timeout_s: float) -> None:
        """Returns at once: the trainer has always said everything."""

    def close(self) -> None:
        """There is nothing to end but the freeze: what is open is closed by the collection at the exit."""
        gc.unfreeze()
