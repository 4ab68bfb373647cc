"""What a worker's trainer may use, from the settings."""

from __future__ import annotations

from sweeper.executors.devices import Device
from sweeper.settings import Settings
from trainers.registry import Resources


def resources_of(settings: Settings, device: Device) -> Resources:
    """Returns the resources of a trainer on a device."""
    return Resources(
        device.name,
        settings.executor.threads,
        settings.replay.table,
        settings.trainer.slots,
        settings.trainer.shared_prefix,
    )
