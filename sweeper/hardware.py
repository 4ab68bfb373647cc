"""What the devices of a command have, found without importing torch."""

from __future__ import annotations

from pathlib import Path

from sweeper.executors.devices import capabilities, devices, memories
from sweeper.scene import Hardware
from sweeper.settings import Executor

FIRST_WITH_BF16 = 8.0
"""NVIDIA's compute capability: Ampere (CUDA C++ Programming Guide, "Compute Capabilities")."""

_MEMINFO = Path("/proc/meminfo")


def hardware_of(executor: Executor) -> Hardware:
    """Returns what a worker of a command has to itself.

    Args:
        executor: Of several GPUs the one with the least free memory counts, and bfloat16 only where all have it;
            workers on a CPU share what is available, which computes bfloat16 anyway, if slowly.
    """
    wanted = devices(executor)
    if any(device.gpu is None for device in wanted):
        available = _available_gib()
        return Hardware("cpu", "cpu", None if available is None else available / len(wanted), has_bf16=True)
    found = sorted(memories(wanted).values(), key=lambda memory: memory.free_gib)
    versions = capabilities(wanted)
    return Hardware(
        kind="cuda",
        name=found[0].name if found else "gpu",
        memory_gib=found[0].free_gib if found else None,
        has_bf16=min(versions) >= FIRST_WITH_BF16 if versions else None,
    )


def _available_gib() -> float | None:
    """Returns what processes can still get, as Linux estimates it (proc(5), MemAvailable)."""
    try:
        lines = _MEMINFO.read_text().splitlines()
    except OSError:
        return None
    kib = next((int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")), None)
    return None if kib is None else kib / (1 << 20)
