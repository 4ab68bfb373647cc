"""Makes the pack that a trial opens for itself and those that will share it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import torch

from trainers import memory, own_mask, remembered
from trainers.packed import capacity
from trainers.packed.anatomy import Anatomy
from trainers.packed.heeding import heeds
from trainers.packed.layout import chosen
from trainers.packed.seats import Seats
from trainers.packed.shape import Shape, resized, shape
from trainers.packed.slots import Slots
from trainers.registry import Resources
from trainers.seam import Start
from trainers.tokens import TokenRows
from trainers.trial import TrialConfig


def opened(start: Start, anatomy: Anatomy, rows: TokenRows, resources: Resources, most: int | None = None) -> Seats:
    """Returns empty seats.

    Args:
        start: The first trial, which says how many every worker will have.
        anatomy: Of its base.
        rows: Its data.
        resources: What the worker may use, the number of slots among it where it was given.
        most: The most slots, None for any number.
    """
    one = _dense(anatomy, start.config, rows, shape(start.config, rows, 1, resources.shared_prefix))
    slots = resources.capacity or _fitting(start, anatomy, rows, one)
    slots = min(slots, most or slots)
    names = anatomy.targets(start.config.lora).names
    while True:
        try:
            return Seats(anatomy, names, resized(one, slots))
        except Exception as error:
            if slots == 1 or not memory.is_exhausted(error):
                raise
        slots //= 2
        if resources.capacity is None:
            outgrown(start.config, one, slots, anatomy.base.model.device)


def _dense(anatomy: Anatomy, config: TrialConfig, rows: TokenRows, one: Shape) -> Shape:
    """Returns the shape with rows that share lines, where that is worth it and the model heeds what it is told."""
    model, begin = anatomy.base.model, len(one.prefix)
    lines = chosen(rows.train, one.rows, begin, model.config.get_text_config().hidden_size)
    if lines is None or not own_mask.is_taken(model, begin + one.length):
        return one
    dense = dataclasses.replace(one, lines=lines.count, length=lines.length)
    names = anatomy.targets(config.lora).names
    places = {name: place for name, place in anatomy.places.items() if name in names[:1]}
    return dense if heeds(model, places, anatomy.base.tokenizer.pad_token_id, dense, rows.train) else one


def _fitting(start: Start, anatomy: Anatomy, rows: TokenRows, one: Shape) -> int:
    """Returns the slots that the trials to come fill evenly, at most as many as measuring finds worth it."""
    if start.share == 1:
        return 1
    config, device = start.config, anatomy.base.model.device
    file, name = capacity.place(config), capacity.name(config, one, device)
    with remembered.alone(file):  # workers of one sweep agree, and do not measure each other
        found = remembered.recall(file, name)
        if found is None:
            found = capacity.measured(_passing(config, anatomy, rows, one), device)
            remembered.remember(file, name, found)
    return capacity.shared_evenly(int(found), start.share)


def _passing(config: TrialConfig, anatomy: Anatomy, rows: TokenRows, one: Shape) -> capacity.Passing:
    targets, batch = anatomy.targets(config.lora), resized(one, 2).passes(rows.train[: one.rows])[0]

    def passing(size: int) -> Callable[[], None]:
        slots = Slots(anatomy.base, anatomy.places, targets.names, resized(one, size))
        for slot in range(size):
            slots.fill(slot, config, targets)
        return lambda: _pass(slots, size)

    def _pass(slots: Slots, size: int) -> None:
        slots.pack.backward([batch] * size, [1] * size, [config.training.label_smoothing_factor] * size)
        slots.update(range(size), [config] * size, [0.0] * size)

    return passing


def outgrown(config: TrialConfig, one: Shape, slots: int, device: torch.device) -> None:
    """Remembers a number of slots that fits, after a larger one did not."""
    remembered.remember(capacity.place(config), capacity.name(config, one, device), slots)
