"""This process's memory, on Linux."""

from __future__ import annotations

import gc
import resource
from pathlib import Path


def resident_mib() -> float:
    """Returns the resident size in MiB, once what is unreachable is gone."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])  # proc(5): the second field is resident pages
    return pages * resource.getpagesize() / 2**20
