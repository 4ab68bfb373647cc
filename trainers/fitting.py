"""TRL's trainer for one trial: made of its configuration, and run from wherever the trial is."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import transformers

from trainers import adapter, durable, state, weighted_rows
from trainers.arguments import sft_config
from trainers.base_model import Base
from trainers.lean_sft import LeanSftTrainer
from trainers.patience import patiently
from trainers.rungs import Exchange
from trainers.seam import Start, TrialFailed
from trainers.tokens import TokenRows
from trainers.trial import TrialConfig


def trainer_of(config: TrialConfig, model: Any, base: Base, rows: TokenRows, device: torch.device) -> LeanSftTrainer:
    """Returns TRL's trainer of a trial, which has the adapter's weights as they are.

    Args:
        config: The trial.
        model: The base with its adapter.
        base: Its tokenizer.
        rows: What it trains on.
        device: Where it trains.

    Raises:
        TrialFailed: The loss that is asked for cannot be had.
    """
    weights = [(parameter, parameter.data) for parameter in adapter.trainable(model)]
    with tempfile.TemporaryDirectory() as unused:
        trainer = LeanSftTrainer(
            model=model,
            args=sft_config(config.training, device, str(Path(unused))),
            train_dataset=weighted_rows.dataset(rows.train),
            processing_class=base.tokenizer,
        )
    trainer.training = config.training
    trainer.data_collator = weighted_rows.Collator(trainer.data_collator)
    _refuse(trainer, config)
    for parameter, value in weights:
        parameter.data = value  # TRL casts the adapter of a quantized base to bfloat16; lora.dtype decides here
    trainer.remove_callback(transformers.PrinterCallback)
    return trainer


def _refuse(trainer: LeanSftTrainer, config: TrialConfig) -> None:
    """Ends a trial whose own loss and the one it asks for cannot be had at once."""
    smoothed = config.training.label_smoothing_factor > 0
    if not smoothed and config.data.class_balance != "weights":
        return
    asked = "training.label_smoothing_factor" if smoothed else "data.class_balance=weights"
    if trainer.args.loss_type != "nll":
        raise TrialFailed(f"{asked} changes the usual loss; leave training.kwargs.loss_type out")
    if trainer.aux_loss_enabled:
        raise TrialFailed(f"{asked} leaves out the router's loss that this model's config.json asks for")


def train(trainer: LeanSftTrainer, start: Start, exchange: Exchange) -> None:
    """Trains a trial to its end or pause, from its state where it has one."""
    trainer.keep_state = functools.partial(_keep_state, trainer, start, exchange)
    try:
        trainer.train(resume_from_checkpoint=_resumed(trainer, start))
    finally:
        trainer.end_noise()


def _resumed(trainer: LeanSftTrainer, start: Start) -> str | None:
    """Returns the checkpoint to go on from, None for a trial that begins."""
    if not start.from_step:
        return None
    folder = Path(start.state) / str(start.from_step)
    durable.remove_others(folder)
    trainer.add_callback(state.ResumedCurve(trainer, folder))
    return str(folder)


def _keep_state(trainer: LeanSftTrainer, start: Start, exchange: Exchange, write: Callable[[], None]) -> None:
    for blocked in patiently(start.trial, lambda: state.save(trainer, Path(start.state), write)):
        exchange(blocked)
