"""TRL's SFTTrainer without work that changes nothing."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
import transformers
import trl

from trainers import schedules
from trainers.completion import completion_logits
from trainers.trial import Training


class LeanSftTrainer(trl.SFTTrainer):  # type: ignore[misc]
    """Counts tokens, and on a CPU computes the loss from the completions' logits alone.

    TRL's fused head skips the prompt's positions only where Triton runs; on a CPU it projects every position to the
    vocabulary, twice, which costs half of a small model's step. The loss is the same sum of negative log-likelihoods
    over the same number of tokens. Packed rows, and everything TRL computes beyond that loss, stay TRL's.
    """

    tokens_seen = 0
    lr_scheduler: Any
    training: Training | None = None  # set by its maker: our schedules are no names that transformers knows
    keep_state: Callable[[Callable[[], None]], None]  # set by its maker, too: says where a checkpoint goes

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:
        """Makes the schedule, ours where transformers has none, with shares turned into steps."""
        if self.training is not None and self.lr_scheduler is None:
            self.args.lr_scheduler_kwargs = {
                **(self.args.lr_scheduler_kwargs or {}),
                **schedules.in_steps(self.training, num_training_steps),
            }
            self.lr_scheduler = schedules.own(optimizer or self.optimizer, self.training, num_training_steps)
        return super().create_scheduler(num_training_steps, optimizer)

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Returns the loss of a micro-batch, divided by `num_items_in_batch` where the Trainer gives it."""
        self.tokens_seen += int(
            inputs["attention_mask"].sum() if "attention_mask" in inputs else inputs["input_ids"].numel()
        )
        if return_outputs or not self._is_plain(inputs):
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        logits, targets = completion_logits(model, inputs["input_ids"], inputs["attention_mask"], inputs["labels"])
        total = torch.nn.functional.cross_entropy(logits, targets, reduction="sum")
        return total / (len(targets) if num_items_in_batch is None else num_items_in_batch)

    def _maybe_log_save_evaluate(self, tr_loss: Any, grad_norm: Any, *more: Any, **named: Any) -> None:
        """Logs at once what is not finite: the trial ends at this step, not at the next multiple of logging_steps."""
        if not all(math.isfinite(value) for value in (tr_loss, grad_norm) if value is not None):
            self.control.should_log = True
        super()._maybe_log_save_evaluate(tr_loss, grad_norm, *more, **named)

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        """Writes a state; TRL would write a model card besides."""
        self.keep_state(lambda: transformers.Trainer._save_checkpoint(self, model, trial))

    def _is_plain(self, inputs: dict[str, Any]) -> bool:
        return (
            inputs["input_ids"].device.type == "cpu"
            and "attention_mask" in inputs
            and self.args.loss_type == "nll"
            and not self.args.label_smoothing_factor
            and not self.aux_loss_enabled
        )
