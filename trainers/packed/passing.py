"""One pass of all slots: a micro-batch each, and a step of the optimiser where an update is complete."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence

from trainers import memory
from trainers.packed.run import Run
from trainers.packed.seats import Seats
from trainers.seam import Logged, Rung


class TornUpdateError(Exception):
    """Memory ran out in the middle of an optimizer step: what is in the slots is neither before it nor after it."""


def passed(seats: Seats) -> list[Logged | Rung]:
    """Runs a pass.

    Args:
        seats: The trials; each takes its own next micro-batch, and a step where that completes its update.

    Returns:
        The points of the curves that are due; as a `Rung` where something is not finite, and that trial waits.

    Raises:
        TornUpdateError: Memory ran out after the backward pass; before its end, it is the library's own error.
    """
    began = time.perf_counter()
    held = dict(seats.held)
    batches = [held[slot].batch() if slot in held else [] for slot in range(seats.slots.shape.slots)]
    tokens = [held[slot].tokens if slot in held else 1 for slot in range(len(batches))]
    smoothing = [held[slot].smoothing if slot in held else 0.0 for slot in range(len(batches))]
    losses = seats.slots.pack.backward(batches, tokens, smoothing).tolist()
    try:
        return _updated(seats, held, losses, began)
    except Exception as error:
        if memory.is_exhausted(error):
            raise TornUpdateError from error
        raise


def _updated(seats: Seats, held: Mapping[int, Run], losses: Sequence[float], began: float) -> list[Logged | Rung]:
    due = [(slot, run) for slot, run in held.items() if run.is_due]
    norms = _step(seats, due)
    share = (time.perf_counter() - began) / len(held)
    for slot, run in held.items():
        run.passed(losses[slot], share)
    return list(_points(seats, due, norms))


def _step(seats: Seats, due: Sequence[tuple[int, Run]]) -> list[float]:
    if not due:
        return []
    configs, rates = [run.config for _, run in due], [run.schedule.rate for _, run in due]
    return seats.slots.update([slot for slot, _ in due], configs, rates)


def _points(seats: Seats, due: Sequence[tuple[int, Run]], norms: Sequence[float]) -> Iterator[Logged | Rung]:
    made = [(slot, run, run.stepped(norm)) for (slot, run), norm in zip(due, norms, strict=True)]
    whole = seats.slots.norms() if any(values for *_, values in made) else []
    for slot, run, values in made:
        if not values:
            continue
        point = {**values, "adapter_norm": whole[slot]}
        run.waits = not all(math.isfinite(value) for value in point.values())
        yield (Rung if run.waits else Logged)(run.start.trial, run.step, point)
