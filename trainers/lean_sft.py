"""TRL's SFTTrainer without work that changes nothing."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import torch
import transformers
import trl

from trainers import length_groups, schedules, weighted_rows
from trainers.completion import counted_logits
from trainers.trial import Training
from trainers.weighted_rows import WEIGHTS


class LeanSftTrainer(trl.SFTTrainer):  # type: ignore[misc]
    """Counts tokens, and on a CPU computes the loss from the completions' logits alone.

    TRL's fused head skips the prompt's positions only where Triton runs; on a CPU it projects every position to the
    vocabulary, twice, which costs half of a small model's step. The loss is the same sum of negative log-likelihoods
    over the same number of tokens. Smoothed labels and rows with weights are computed here on any device: TRL would run
    the model twice for the one, and does not know the other. What else TRL computes beyond that loss stays TRL's.
    """

    tokens_seen = 0
    lr_scheduler: Any
    _signature_columns: Any
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
        weights = inputs.pop(WEIGHTS, None)
        if return_outputs or not (self._smoothing or weights is not None or self._is_plain(inputs)):
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        labels = inputs.pop("labels")
        logits, counted = counted_logits(model, labels, **inputs)
        total = self._total(logits, labels[:, 1:][counted], None if weights is None else weights[:, 1:][counted])
        if num_items_in_batch is None:
            num_items_in_batch = counted.sum() if weights is None else weights[:, 1:][counted].sum()
        return total / torch.as_tensor(num_items_in_batch).where(torch.as_tensor(num_items_in_batch) != 0, 1)

    @property
    def _smoothing(self) -> float:
        return 0.0 if self.training is None else self.training.label_smoothing_factor

    def _total(self, logits: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor | None) -> torch.Tensor:
        """Returns what tokens cost together, in nats: smoothed as Szegedy et al. 2016 do, and weighted."""
        cost = functools.partial(torch.nn.functional.cross_entropy, logits, targets, label_smoothing=self._smoothing)
        return cost(reduction="sum") if weights is None else (weights * cost(reduction="none")).sum()

    def _get_num_items_in_batch(self, batch_samples: list[dict[str, Any]], device: torch.device) -> Any:
        """Returns what the losses of an update are divided by: its tokens, each counted as its row weighs."""
        found = super()._get_num_items_in_batch(batch_samples, device)
        if found is None or WEIGHTS not in batch_samples[0]:
            return found
        return weighted_rows.counted(batch_samples).to(device)

    def _set_signature_columns_if_needed(self) -> None:
        """Keeps the weights, which are no input of a model's."""
        if self._signature_columns is None:
            super()._set_signature_columns_if_needed()
            self._signature_columns = [*(self._signature_columns or ()), WEIGHTS]

    def _prepare_dataset(self, dataset: Any, processing_class: Any, args: Any, packing: bool, *more: Any) -> Any:
        """Packs weights along with their rows: TRL would leave them behind."""
        if packing and WEIGHTS in dataset.column_names:
            return trl.pack_dataset(dataset, args.max_length, args.packing_strategy)
        return super()._prepare_dataset(dataset, processing_class, args, packing, *more)

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        """Returns rows in groups of like length, where asked for, in an order that an interruption does not change."""
        if self.args.train_sampling_strategy != length_groups.NAME:
            return super()._get_train_sampler(train_dataset)
        rows = self.train_dataset if train_dataset is None else train_dataset
        size = self.args.train_batch_size * self.args.gradient_accumulation_steps
        return length_groups.Sampler([len(ids) for ids in rows["input_ids"]], size, self.args.seed)

    def end_noise(self) -> None:
        """Takes NEFTune's noise off the embeddings, which are the base's: a trial that fails leaves it there."""
        handle = getattr(self, "neftune_hook_handle", None)
        if handle is not None:
            handle.remove()

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
