"""Peak memory of one trial, in MiB."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

import torch

_MIB = 1 << 20

# alloc_cpu.cpp; cuBLAS and cuDNN, which allocate beside torch's own allocator.
_SAID = ("can't allocate memory", "CUDA out of memory", "CUBLAS_STATUS_ALLOC_FAILED", "CUDNN_STATUS_ALLOC_FAILED")


def reset_peak(device: torch.device) -> None:
    """Begins a new measurement: of the GPU's allocator, or of this process's resident memory on Linux."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    elif sys.platform == "linux":
        with contextlib.suppress(OSError):  # some containers forbid it: the peak is then the process's, not the trial's
            Path("/proc/self/clear_refs").write_text("5")  # proc(5): resets VmHWM to the present resident size


def peak_mib(device: torch.device) -> float | None:
    """Returns the peak since the last reset, or None where it cannot be known."""
    if device.type == "cuda":
        return round(float(torch.cuda.max_memory_allocated(device)) / _MIB, 1)
    if sys.platform != "linux":
        return None
    status = Path("/proc/self/status").read_text().splitlines()
    kib = next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))
    return round(kib / 1024, 1)


def is_exhausted(error: BaseException) -> bool:
    """True for an error that says that memory ran out; on a CPU torch raises a plain RuntimeError."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _SAID)


def release(device: torch.device) -> None:
    """Gives back to the device what the allocator holds and nobody uses."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
