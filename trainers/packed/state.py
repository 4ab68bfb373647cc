"""A paused slot on disk: a folder named after its step, which appears as a whole or not at all."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import safetensors.torch

from trainers.packed import files
from trainers.packed.slots import Tensors


def save(folder: Path, step: int, run: dict[str, Any], tensors: Tensors) -> None:
    """Writes the state of a trial, in place of any earlier one.

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
    fresh = folder / "new"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    whole = {name: value.contiguous() for name, value in tensors.items()}
    safetensors.torch.save_file(whole, fresh / files.TENSORS)
    (fresh / files.RUN).write_text(json.dumps(run))
    shutil.rmtree(folder / str(step), ignore_errors=True)
    fresh.rename(folder / str(step))
    _remove_others(folder, step)


def load(folder: Path, step: int) -> tuple[dict[str, Any], Tensors]:
    """Reads a state.

    Returns:
        What `Run.load` and `Slots.write` take.
    """
    state = folder / str(step)
    return json.loads((state / files.RUN).read_text()), safetensors.torch.load_file(state / files.TENSORS)


def _remove_others(folder: Path, step: int) -> None:
    """Removes the states of other steps, and nothing that is no state."""
    for other in folder.iterdir():
        if other.name.isdigit() and other.name != str(step):
            shutil.rmtree(other)
