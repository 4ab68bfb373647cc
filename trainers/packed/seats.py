"""Who is in which slot: trials come, go, and move to a pack of another size or with more layers."""

from __future__ import annotations

from collections.abc import Iterable

import torch

from trainers import memory
from trainers.packed.anatomy import Anatomy
from trainers.packed.run import Run
from trainers.packed.shape import Shape, resized
from trainers.packed.slots import Slots, Tensors


class Seats:
    """The slots of a pack and the runs in them.

    Attributes:
        slots: The pack's.
        shape: Of the latest pack.
    """

    def __init__(self, anatomy: Anatomy, names: Iterable[str], shape: Shape) -> None:
        self._anatomy, self.shape = anatomy, shape
        self.slots = Slots(anatomy.base, anatomy.places, names, shape)
        self._runs: list[Run | None] = [None] * shape.slots

    @property
    def held(self) -> list[tuple[int, Run]]:
        """The slots in use and their runs, in order."""
        return [(slot, run) for slot, run in enumerate(self._runs) if run is not None]

    @property
    def are_there(self) -> bool:
        """False where memory did not last to move the pack, nor to move it back: what was in the slots is lost."""
        return hasattr(self, "slots")

    @property
    def free(self) -> int:
        """How many more trials there is room for."""
        return self._runs.count(None)

    def of(self, trial: str) -> tuple[int, Run]:
        """Returns a trial's slot and run."""
        return next((slot, run) for slot, run in self.held if run.start.trial == trial)

    def join(self, run: Run, tensors: Tensors | None = None) -> None:
        """Gives a run a slot, with a fresh adapter or with what it had when it left another one."""
        if not self.slots.serves(run.targets.names):
            self._move({*self.slots.pack.layers, *run.targets.names}, self.slots.shape)
        slot = self._runs.index(None)
        if tensors is None:
            self.slots.fill(slot, run.config, run.targets)
        else:
            self.slots.write(slot, run.config, run.targets, tensors)
        self._runs[slot] = run

    def leave(self, slot: int) -> None:
        """Empties a slot."""
        self.slots.clear(slot)
        self._runs[slot] = None

    def tensors(self, slot: int, run: Run) -> Tensors:
        """Copies what a slot holds."""
        return self.slots.read(slot, run.config, run.targets)

    def halve(self) -> None:
        """Goes on in a pack half as large; those it cannot hold must have left before."""
        self._move(self.slots.pack.layers, resized(self.slots.shape, self.slots.shape.slots // 2))

    def _move(self, names: Iterable[str], shape: Shape) -> None:
        """Makes the pack anew; what is in its slots moves over, to the last bit."""
        kept = [(run, self.tensors(slot, run)) for slot, run in self.held]
        before, device = (list(self.slots.pack.layers), self.slots.shape), self.slots.pack.device
        del self.slots  # there may be no memory for both
        try:
            self._seat(kept, names, shape, device)
        except Exception:  # memory did not last, most likely; it did for what was here before
            self._seat(kept, *before, device)
            raise

    def _seat(
        self, kept: Iterable[tuple[Run, Tensors]], names: Iterable[str], shape: Shape, device: torch.device
    ) -> None:
        memory.release(device)
        self.slots, self.shape = Slots(self._anatomy.base, self._anatomy.places, names, shape), shape
        self._runs = [None] * shape.slots
        for run, tensors in kept:
            self.join(run, tensors)
