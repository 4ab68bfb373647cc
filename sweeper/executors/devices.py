"""Which devices there are, found without importing torch: the driver never loads it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from sweeper.settings import Executor


@dataclass(frozen=True)
class Device:
    """What a worker computes on: the CPU, or the GPU that CUDA_VISIBLE_DEVICES calls `gpu` (an index or a UUID)."""

    gpu: str | None = None

    @property
    def name(self) -> str:
        """The device as torch names it in a process that sees no other GPU."""
        return "cpu" if self.gpu is None else "cuda:0"

    def claim(self) -> None:
        """Hides every other GPU from this process; only before torch is imported does that work.

        transformers' Trainer would otherwise use the first GPU in every worker, and refuse to see several.
        """
        if self.gpu is not None:
            os.environ["CUDA_VISIBLE_DEVICES"] = self.gpu


def devices(executor: Executor) -> list[Device]:
    """Returns one device per worker.

    Args:
        executor: `devices=cpu` never looks for a GPU, a list takes some of the visible ones; `workers` limits or (on a
            CPU) sets their number.

    Returns:
        The GPUs, or as many shares of the CPU as `threads` fit into its cores.
    """
    gpus = [] if executor.devices == "cpu" else visible_gpus()
    if isinstance(executor.devices, list):
        gpus = [gpus[index] for index in executor.devices]
    if gpus:
        return gpus[: executor.workers]
    return [Device()] * (executor.workers or max(1, cores() // executor.threads))


def cores() -> int:
    """Returns how many of the machine's cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def visible_gpus() -> list[Device]:
    """Lists the GPUs that `nvidia-smi` knows and CUDA_VISIBLE_DEVICES shows."""
    count = len(_query("index"))
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    shown = [str(index) for index in range(count)] if visible is None else [item.strip() for item in visible.split(",")]
    return [Device(item) for item in shown[:count] if item not in {"", "-1"}]


@dataclass(frozen=True)
class Memory:
    """A GPU's memory; `used_gib` is what other processes hold."""

    name: str
    total_gib: float
    used_gib: float

    @property
    def free_gib(self) -> float:
        """What is left for a worker."""
        return self.total_gib - self.used_gib


def memories(wanted: Sequence[Device]) -> dict[str, Memory]:
    """Returns what some GPUs have and hold, by the name each device has for its own, as far as `nvidia-smi` says."""
    rows = _query("index,uuid,name,memory.total,memory.used") if any(device.gpu for device in wanted) else []
    found: dict[str, Memory] = {}
    for index, identifier, name, total, used in rows:
        known = [device.gpu for device in wanted if device.gpu and _is(device.gpu, index, identifier)]
        if total.isdigit() and used.isdigit():  # not "[N/A]": memory that is shared with the CPU
            found |= dict.fromkeys(known, Memory(name, int(total) / 1024, int(used) / 1024))  # MiB
    return found


def capabilities(wanted: Sequence[Device]) -> list[float]:
    """Returns the compute capabilities of some GPUs, as far as `nvidia-smi` says."""
    rows = _query("index,uuid,compute_cap") if any(device.gpu for device in wanted) else []
    known = [cells for cells in rows if any(device.gpu and _is(device.gpu, *cells[:2]) for device in wanted)]
    return [float(cells[2]) for cells in known if cells[2].replace(".", "", 1).isdigit()]


def _is(gpu: str, index: str, identifier: str) -> bool:
    return gpu == index or identifier.startswith(gpu)


def _query(fields: str) -> list[list[str]]:
    """Asks `nvidia-smi` for a row per GPU."""
    if shutil.which("nvidia-smi") is None:
        return []
    command = ["nvidia-smi", f"--query-gpu={fields}", "--format=csv,noheader,nounits"]
    asked = subprocess.run(command, capture_output=True, text=True, check=False)
    if asked.returncode != 0:
        return []
    return [[cell.strip() for cell in line.split(",")] for line in asked.stdout.splitlines() if line.strip()]
