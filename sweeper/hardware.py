"""What the devices of a command have, found without importing torch."""

from __future__ import annotations

import platform
import re
from pathlib import Path
from typing import Any

from sweeper.executors.devices import capabilities, cores, devices, memories
from sweeper.scene import Hardware
from sweeper.settings import Executor

FIRST_WITH_BF16 = 8.0
"""NVIDIA's compute capability: Ampere (CUDA C++ Programming Guide, "Compute Capabilities")."""

_MEMINFO = Path("/proc/meminfo")
_CPUINFO = Path("/proc/cpuinfo")


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


def computing(executor: Executor) -> dict[str, Any]:
    """Returns what computes, as it is recorded: the device's kind and name, workers, cores, GiB of memory, the host.

    Args:
        executor: Of several GPUs the smallest's memory is told; on a CPU it is the machine's.
    """
    wanted = devices(executor)
    gpus = list(memories(wanted).values())
    on_gpus = any(device.gpu is not None for device in wanted)
    memory = min((gpu.total_gib for gpu in gpus), default=None) if on_gpus else _gib("MemTotal")
    return {
        "kind": "cuda" if on_gpus else "cpu",
        "name": ", ".join(dict.fromkeys(gpu.name for gpu in gpus)) or "gpu" if on_gpus else _cpu(),
        "workers": 1 if executor.name == "inline" else len(wanted),
        "threads": executor.threads,
        "cores": cores(),
        "memory_gib": None if memory is None else round(memory, 1),
        "host": platform.node(),
        "platform": platform.platform(),
    }


def _cpu() -> str:
    """Returns the processor's name, as far as Linux tells it; its architecture otherwise."""
    try:
        found = re.search(r"^model name\s*:\s*(.+)$", _CPUINFO.read_text(), re.MULTILINE)
    except OSError:
        found = None
    return found.group(1).strip() if found else platform.processor() or platform.machine()


def _available_gib() -> float | None:
    """Returns what processes can still get, as Linux estimates it."""
    return _gib("MemAvailable")


def _gib(name: str) -> float | None:
    """Returns an entry of /proc/meminfo (proc(5)); None where there is none."""
    try:
        lines = _MEMINFO.read_text().splitlines()
    except OSError:
        return None
    kib = next((int(line.split()[1]) for line in lines if line.startswith(f"{name}:")), None)
    return None if kib is None else kib / (1 << 20)
