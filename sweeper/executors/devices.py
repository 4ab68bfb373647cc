"""Which devices there are, found without importing torch: the driver never loads it."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass

from sweeper.settings import Executor


@dataclass(frozen=True)
class Device:
    """A device as torch names it, `cpu` or `cuda:0`."""

    name: str


def devices(executor: Executor) -> list[Device]:
    """Returns one device per worker.

    Args:
        executor: `device=cpu` never looks for a GPU; `workers` limits or (on a CPU) sets their number.

    Returns:
        Every visible GPU, or as many shares of the CPU as `threads` fit into its cores.
    """
    gpus = [] if executor.device == "cpu" else _visible_gpus()
    if gpus:
        return gpus[: executor.workers]
    return [Device("cpu")] * (executor.workers or max(1, _cores() // executor.threads))


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _visible_gpus() -> list[Device]:
    """Lists the GPUs that `nvidia-smi` knows and CUDA_VISIBLE_DEVICES shows, numbered as torch numbers them."""
    if shutil.which("nvidia-smi") is None:
        return []
    listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=False).stdout
    count = sum(line.startswith("GPU ") for line in listed.splitlines())
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        count = min(count, len([item for item in visible.split(",") if item.strip() not in {"", "-1"}]))
    return [Device(f"cuda:{index}") for index in range(count)]
