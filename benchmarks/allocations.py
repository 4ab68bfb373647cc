"""What torch really allocates on a CPU, followed through the profiler's allocation events."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch

MIB = 1 << 20


def peak_mib(run: Callable[[], object]) -> float:
    """Runs something and returns the most memory that it held at once, in MiB.

    Every allocation of torch's CPU allocator counts, also inside an operator; what lay there before, and the memory of
    the libraries' own workspaces, does not.
    """
    activities = [torch.profiler.ProfilerActivity.CPU]
    with torch.profiler.profile(activities=activities, profile_memory=True) as profiler:
        run()
    held: dict[int, int] = {}
    now = most = 0
    for pointer, size in _changes(profiler.profiler.kineto_results.experimental_event_tree()):
        change = size if size > 0 else -held.pop(pointer, 0)  # what it did not see come, it does not see go
        if size > 0:
            held[pointer] = size
        now += change
        most = max(most, now)
    return most / MIB


def _changes(roots: Iterable[Any]) -> Iterator[tuple[int, int]]:
    """Yields every allocation's and release's address and bytes, releases as less than none, in order of time."""
    found = [event for root in roots for event in _within(root) if "Allocation" in str(event.tag)]
    for event in sorted(found, key=lambda event: event.start_time_ns):
        yield event.extra_fields.ptr, event.extra_fields.alloc_size


def _within(event: Any) -> Iterator[Any]:
    waiting = [event]
    while waiting:
        one = waiting.pop()
        yield one
        waiting += one.children


def resident_mib(model: torch.nn.Module) -> float:
    """Returns the MiB of a model's parameters and buffers, the quantized ones' scales and tables among them."""
    tensors = [*model.parameters(), *model.buffers()]
    for parameter in model.parameters():
        tensors += list(_inside(getattr(parameter, "quant_state", None)))
        tensors += [value for name in ("CB", "SCB") if (value := getattr(parameter, name, None)) is not None]  # int8
    storages = {tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes() for tensor in tensors}
    return sum(storages.values()) / MIB


def _inside(state: Any) -> Iterator[torch.Tensor]:
    """Yields the tensors of a bitsandbytes quantization state, a nested one's too."""
    for value in vars(state).values() if state is not None else ():
        if isinstance(value, torch.Tensor):
            yield value
        elif type(value) is type(state):
            yield from _inside(value)
