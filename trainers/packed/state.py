"""A paused slot on disk: a folder named after its step, which appears as a whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import safetensors.torch

from trainers import durable
from trainers.packed import files
from trainers.packed.slots import Tensors


def save(folder: Path, step: int, run: dict[str, Any], tensors: Tensors) -> None:
    """Writes the state of a trial; the one before stays until the next is written.

    Args:
        folder: Where the trial's states lie.
        step: Optimizer steps taken.
        run: What `Run.state` returned.
        tensors: What `Slots.read` returned.

    Raises:
        ValueError: There is no folder: the working directory is no place for states.
    """
    if folder == Path():
        raise ValueError("a trial's state needs a folder of its own")
    whole = {name: value.contiguous() for name, value in tensors.items()}
    durable.make_room(folder / str(step))
    with durable.sealed(folder / str(step)) as fresh:
        safetensors.torch.save_file(whole, fresh / files.TENSORS)
        (fresh / files.RUN).write_text(json.dumps(run))


def load(folder: Path, step: int) -> tuple[dict[str, Any], Tensors]:
    """Reads a state.

    Returns:
        What `Run.load` and `Slots.write` take.
    """
    state = folder / str(step)
    return json.loads((state / files.RUN).read_text()), safetensors.torch.load_file(state / files.TENSORS)
