"""The trainers by name; the heavy ones are imported only where they train."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path

from trainers.durable import is_whole
from trainers.packed.files import is_slot
from trainers.seam import Worker

_MODULES = {"auto": "trainers.auto", "sft": "trainers.sft", "replay": "trainers.replay"}


@dataclass(frozen=True)
class Resources:
    """What a trainer may use: a device as torch names it, its CPU threads, and a table of recorded curves.

    `capacity` is the number of slots of a pack, None where measuring decides; `shared_prefix` lets what all rows begin
    with be run once per slot.
    """

    device: str = "cpu"
    threads: int = 1
    table: str | None = None
    capacity: int | None = None
    shared_prefix: bool = True


def make(name: str, resources: Resources) -> Worker:
    """Returns a trainer, ready for commands.

    Args:
        name: `auto`, `sft` or `replay`.
        resources: What it may use.
    """
    worker: Worker = importlib.import_module(_MODULES[name]).make(resources)
    return worker


def preload(name: str) -> tuple[str, ...]:
    """Returns the modules that a process of this trainer imports before its first trial."""
    return (_MODULES[name],)


def goes_on_from(name: str, state: Path) -> bool:
    """True where a trainer can go on from a state: `sft` knows its own, `auto` also those of packed trials.

    One that is damaged, as after a power failure, is none.
    """
    if name == "replay":
        return state.is_dir()
    return is_whole(state) and (name != "sft" or not is_slot(state))


def measures_reference(name: str) -> bool:
    """True for a trainer that can evaluate the untrained base model."""
    return name != "replay"
