"""Measures the trials that wait at a rung together, some in each pass."""

from __future__ import annotations

from collections.abc import Sequence

from trainers import memory
from trainers.evaluation import Measured, measured_slots
from trainers.loaded import Loaded
from trainers.packed.seats import Seats
from trainers.samples import Sample, samples

_TOGETHER = 8  # the most slots that share an evaluation's pass: one that waits alone costs as much as all of them

Found = tuple[Measured, list[Sample]]
"""What was measured of a trial, and its answers to `data.validation_prompts`."""


class Measuring:
    """Knows how many slots memory lets share an evaluation's pass."""

    def __init__(self, loaded: Loaded) -> None:
        self._loaded, self._together = loaded, _TOGETHER

    def of(self, seats: Seats, due: Sequence[int], is_ragged: bool) -> list[Found]:
        """Measures slots; where memory does not last for so many at once, half of them from then on.

        Args:
            seats: The pack; it holds a trial at least.
            due: The slots that wait.
            is_ragged: True for a base whose layers round otherwise at the end of a tensor.
        """
        together = min(self._together, seats.slots.shape.slots)
        parts = [due[begin : begin + together] for begin in range(0, len(due), together)]
        try:
            return [found for part in parts for found in self._part(seats, part, together, is_ragged)]
        except Exception as error:
            if together == 1 or not memory.is_exhausted(error):
                raise
        self._together = together // 2
        return self.of(seats, due, is_ragged)

    def _part(self, seats: Seats, part: Sequence[int], together: int, is_ragged: bool) -> list[Found]:
        config = seats.held[0][1].config
        base, rows = self._loaded.base(config), self._loaded.rows(config)
        # A pass of one shape, whoever waits; nobody's values stand at the end of a tensor where those are others.
        size = together + (is_ragged and together > 1)
        shown = [*part, *[part[0]] * (size - len(part))]
        batch = max(1, config.training.per_device_eval_batch_size // together)
        with seats.slots.pack.installed(shown) as model:
            values = measured_slots(model, rows, base.tokenizer, config.data, batch, slots=size)
            answers = samples(model, base, config.data, rows, size) if config.data.validation_prompts else [[]] * size
        return list(zip(values, answers, strict=True))[: len(part)]
