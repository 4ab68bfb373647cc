"""What a slot's state on disk consists of; imported without torch."""

from __future__ import annotations

from pathlib import Path

from trainers.seam import Start

TENSORS, RUN = "slot.safetensors", "run.json"


def is_slot(state: Path) -> bool:
    """True for the folder of a slot's state."""
    return (state / TENSORS).is_file()


def is_of_another_trainer(start: Start) -> bool:
    """True for a trial that goes on from a state that no slot has left."""
    return start.from_step > 0 and not is_slot(Path(start.state) / str(start.from_step))
