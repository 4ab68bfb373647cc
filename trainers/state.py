"""The state of a paused trial: transformers' checkpoint, and the part of a curve's next point that it leaves out.

A state lies in a folder named after its step, which appears as a whole or not at all. Going on from it is equal to
never having paused, bit for bit: weights, moments, schedule, data position and random states are in the checkpoint.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import torch
import transformers

_CURVE = "curve.json"


def request(args: Any, control: Any, state: Path) -> None:
    """Has the Trainer write a checkpoint at the end of this step, and stop.

    Args:
        args: The Trainer's arguments.
        control: Its control.
        state: The folder that holds a trial's states.
    """
    args.output_dir = str(_fresh(state))
    control.should_save = control.should_training_stop = True


def settle(trainer: Any, state: Path) -> None:
    """Gives the checkpoint that was requested its place.

    Args:
        trainer: The Trainer, which has stopped.
        state: The folder that holds a trial's states.
    """
    step, fresh = int(trainer.state.global_step), _fresh(state)
    checkpoint = fresh / f"checkpoint-{step}"
    # The Trainer sums losses until the next point of the curve is due, and forgets the sum between two runs.
    unlogged = {"loss": float(trainer._tr_loss), "last_logged": int(trainer._globalstep_last_logged)}
    (checkpoint / _CURVE).write_text(json.dumps(unlogged))
    shutil.rmtree(state / str(step), ignore_errors=True)
    checkpoint.rename(state / str(step))
    shutil.rmtree(fresh)


def at(state: Path, step: int) -> Path:
    """Returns the folder of one state, after removing the others that were left there."""
    for other in state.iterdir():
        if (other.name.isdigit() or other == _fresh(state)) and other.name != str(step):
            shutil.rmtree(other)
    return state / str(step)


class ResumedCurve(transformers.TrainerCallback):  # type: ignore[misc]
    """Puts back the losses that were summed since the last point of the curve."""

    def __init__(self, trainer: Any, folder: Path) -> None:
        self._trainer, self._unlogged = trainer, json.loads((folder / _CURVE).read_text())

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Follows the Trainer's own reset."""
        self._trainer._tr_loss = torch.tensor(self._unlogged["loss"], device=args.device)
        self._trainer._globalstep_last_logged = self._unlogged["last_logged"]


def _fresh(state: Path) -> Path:
    return state / "new"
