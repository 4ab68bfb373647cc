"""Packs the trials that can share a base, and trains the others one by one with TRL."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch

from trainers import sft
from trainers.loaded import Loaded
from trainers.packed import files
from trainers.packed.key import key
from trainers.packed.trainer import PackedTrainer
from trainers.registry import Resources
from trainers.seam import LEAVES, Command, Event, Start, Test, Worker


class AutoTrainer:
    """Two trainers over one base model, of which one is at work at a time."""

    def __init__(self, resources: Resources) -> None:
        loaded = Loaded(torch.device(resources.device))
        self._packed, self._alone = PackedTrainer(resources, loaded), sft.make(resources, loaded)
        self._at_work: Worker = self._packed
        self._held: set[str] = set()

    def advance(self, commands: Sequence[Command]) -> Iterator[Event]:
        """Obeys, and yields what happens, as the trainer at work does."""
        starts = [command for command in commands if isinstance(command, (Start, Test))]
        if starts and not self._held:
            self._at_work = self._packed if self._can_share(starts[0]) else self._alone
            if self._at_work is self._alone:
                self._packed.release()
        self._held |= {start.trial for start in starts}
        for event in self._at_work.advance(commands):
            if isinstance(event, LEAVES):
                self._held.discard(event.trial)
            yield event

    def _can_share(self, start: Start | Test) -> bool:
        if isinstance(start, Test) or files.is_of_another_trainer(start) or key(start.config) is None:
            return False
        try:
            return self._packed.accepts(start.config)
        except Exception:  # noqa: BLE001 - whatever is wrong with the base, the trial's own trainer says it
            return False


def make(resources: Resources) -> AutoTrainer:
    """Returns a trainer for one device, with the libraries' own progress bars off."""
    return AutoTrainer(resources)
