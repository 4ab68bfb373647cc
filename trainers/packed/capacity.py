"""How many trials a pack has room for: measured once per machine, base and shape, then remembered."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path

import torch

from trainers import memory
from trainers.packed.shape import Shape
from trainers.trial import TrialConfig

LIMIT = 64
_GAIN = 1.25  # a pack that is twice as large must be this much faster per trial: dummy slots at a sweep's end cost, too
_PASSES = 3
_FILE = "capacity.json"

Passing = Callable[[int], Callable[[], None]]
"""Makes a pack of so many slots, and returns what runs one pass of it."""


def measured(passing: Passing, device: torch.device) -> int:
    """Doubles the pack for as long as that pays and memory lasts.

    Args:
        passing: How to try a size; raises `torch.OutOfMemoryError` where it does not fit.
        device: Where.

    Returns:
        The number of slots.
    """
    size, before = 1, _seconds(passing(1), device)
    while 2 * size <= LIMIT:
        try:
            now = _seconds(passing(2 * size), device) / (2 * size)
        except Exception as error:
            if not memory.is_exhausted(error):
                raise
            memory.release(device)
            break
        if before / now < _GAIN:
            break
        size, before = 2 * size, now
    return size


def _seconds(run: Callable[[], None], device: torch.device) -> float:
    """Returns the least of some passes' times: whatever else the machine does only adds to it."""
    run()
    times = []
    for _ in range(_PASSES):
        began = time.perf_counter()
        run()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        times.append(time.perf_counter() - began)
    return min(times)


def shared_evenly(capacity: int, share: int) -> int:
    """Returns the slots that a worker's share of the trials fills most evenly, in as few rounds as they need."""
    rounds = math.ceil(share / capacity)
    return math.ceil(share / rounds)


def place(config: TrialConfig) -> Path:
    """Returns the file that remembers."""
    return Path(config.model.cache_dir) / _FILE


def name(config: TrialConfig, shape: Shape, device: torch.device) -> str:
    """Returns what a capacity depends on."""
    card = torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
    lines = f"{shape.lines}x{shape.length}+{len(shape.prefix)}/{shape.completion}"
    numbers = f"{shape.rows} in {lines} r{shape.r}"
    smoothed = " smoothed" if config.training.label_smoothing_factor else ""  # which takes logits of its own
    return f"{config.model.path} {config.quantization.name} {numbers}{smoothed} {card}"
