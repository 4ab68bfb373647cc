"""The state of a trial: transformers' checkpoint, and the part of a curve's next point that it leaves out.

A state lies in a folder named after its step, which appears as a whole or not at all. Going on from it is equal to
never having stopped, bit for bit: weights, moments, schedule, data position and random states are in the checkpoint.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import transformers

from trainers import durable

_CURVE = "curve.json"


def save(trainer: Any, folder: Path, write: Callable[[], None]) -> None:
    """Writes the state of this step; the one before stays until the next is written.

    Args:
        trainer: The Trainer.
        folder: Where the trial's states lie.
        write: The Trainer's own writing of a checkpoint.
    """
    step = int(trainer.state.global_step)
    durable.make_room(folder / str(step))
    with durable.sealed(folder / str(step)) as fresh:
        trainer.args.output_dir = str(fresh)
        write()
        checkpoint = fresh / f"checkpoint-{step}"
        for file in checkpoint.iterdir():
            file.rename(fresh / file.name)
        checkpoint.rmdir()
        # The Trainer sums losses until the next point of the curve is due, and forgets the sum between two runs.
        unlogged = {"loss": float(trainer._tr_loss), "last_logged": int(trainer._globalstep_last_logged)}
        (fresh / _CURVE).write_text(json.dumps(unlogged))


class ResumedCurve(transformers.TrainerCallback):  # type: ignore[misc]
    """Puts back the losses that were summed since the last point of the curve."""

    def __init__(self, trainer: Any, folder: Path) -> None:
        self._trainer, self._unlogged = trainer, json.loads((folder / _CURVE).read_text())

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Follows the Trainer's own reset."""
        self._trainer._tr_loss = torch.tensor(self._unlogged["loss"], device=args.device)
        self._trainer._globalstep_last_logged = self._unlogged["last_logged"]
