"""One slot's learning rate, by the very schedulers that TRL's trainer would use."""

from __future__ import annotations

from typing import Any

import torch
import transformers

from trainers import schedules
from trainers.trial import Training


class Schedule:
    """Follows a schedule of torch or transformers on an optimizer that has nothing to optimise."""

    def __init__(self, training: Training, steps: int) -> None:
        self._optimizer = torch.optim.SGD([torch.zeros(1)], lr=training.learning_rate)
        self._scheduler: Any = schedules.own(self._optimizer, training, steps) or _library(
            self._optimizer, training, steps
        )

    @property
    def rate(self) -> float:
        """The learning rate of the next step."""
        return float(self._optimizer.param_groups[0]["lr"])

    def advance(self) -> None:
        """Follows a step of the optimizer."""
        if not isinstance(self._scheduler, torch.optim.lr_scheduler.ReduceLROnPlateau):
            self._optimizer.step()
            self._scheduler.step()

    def evaluated(self, eval_loss: float) -> None:
        """Follows an evaluation."""
        schedules.after_evaluation(self._scheduler, eval_loss)

    def state(self) -> dict[str, Any]:
        """Returns what a schedule of the same settings goes on from."""
        return {"rate": self.rate, "scheduler": self._scheduler.state_dict()}

    def load(self, state: dict[str, Any]) -> None:
        """Goes on from a state."""
        self._scheduler.load_state_dict(state["scheduler"])
        self._optimizer.param_groups[0]["lr"] = state["rate"]


def _library(optimizer: torch.optim.Optimizer, training: Training, steps: int) -> Any:
    arguments = schedules.library_arguments(training)
    return transformers.get_scheduler(
        arguments["lr_scheduler_type"],
        optimizer,
        num_warmup_steps=schedules.warmup(training, steps),
        num_training_steps=steps,
        scheduler_specific_kwargs={**arguments["lr_scheduler_kwargs"], **schedules.in_steps(training, steps)},
    )
