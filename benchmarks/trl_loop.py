"""Trials with TRL alone, as a careful user writes the loop: one process, one loaded base, a fresh adapter per trial."""

from __future__ import annotations

import tempfile
import time
from typing import Any

import datasets
import peft
import torch
import transformers
import trl

from benchmarks.timeline import Timeline
from trainers.base_model import Base
from trainers.data import Example, Rows
from trainers.trial import TrialConfig


class Moments(transformers.TrainerCallback):  # type: ignore[misc]
    """Notes a trial's moments."""

    def __init__(self) -> None:
        self.timeline = Timeline()
        self._asked = time.perf_counter()

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Notes that everything is built."""
        self.timeline.built = time.perf_counter() - self._asked

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **kwargs: Any) -> None:
        """Notes a point of the curve."""
        if logs and "loss" in logs:
            self.timeline.logged[state.global_step] = time.perf_counter()
            self.timeline.losses[state.global_step] = float(logs["loss"])

    def on_evaluate(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Notes the end of an evaluation."""
        self.timeline.evaluated[state.global_step] = time.perf_counter()


class TrlLoop:
    """Makes the data sets once, and runs trial after trial on the same base."""

    def __init__(self, base: Base, rows: Rows, evaluates: bool = True) -> None:
        self._base, self._evaluates = base, evaluates
        self._train, self._validation = _dataset(rows.train), _dataset(rows.validation)

    def run(self, config: TrialConfig) -> Timeline:
        """Trains one trial, and takes its adapter off the base again.

        Args:
            config: The trial; its base and data are the loop's.
        """
        moments = Moments()
        with tempfile.TemporaryDirectory() as folder:
            trainer = trl.SFTTrainer(
                model=self._base.model,
                args=_arguments(config, folder, self._base.model.device, self._evaluates),
                train_dataset=self._train,
                eval_dataset=self._validation if self._evaluates else None,
                processing_class=self._base.tokenizer,
                peft_config=_adapter(config),
                callbacks=[moments],
            )
            trainer.remove_callback(transformers.PrinterCallback)
            try:
                trainer.train()
            finally:
                base = trainer.model.unload()
                # TRL puts its head around `forward`: trial after trial would put one more around it.
                base.__dict__.pop("forward", None)
        return moments.timeline


def quiet() -> None:
    """Turns the libraries' progress bars and advice off."""
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    datasets.disable_progress_bars()


def _dataset(examples: list[Example]) -> Any:
    return datasets.Dataset.from_list([{"prompt": row.prompt, "completion": row.completion} for row in examples])


def _adapter(config: TrialConfig) -> Any:
    lora = config.lora
    return peft.LoraConfig(
        r=lora.r,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=lora.target_modules,
        task_type="CAUSAL_LM",
    )


def _arguments(config: TrialConfig, folder: str, device: torch.device, evaluates: bool) -> Any:
    training = config.training
    return trl.SFTConfig(
        output_dir=folder,
        learning_rate=training.learning_rate,
        lr_scheduler_type=training.lr_scheduler_type,
        warmup_steps=training.warmup_steps,
        per_device_train_batch_size=training.per_device_train_batch_size,
        per_device_eval_batch_size=training.per_device_eval_batch_size,
        max_steps=training.max_steps,
        max_length=training.max_length,
        eval_strategy="steps" if evaluates else "no",
        eval_steps=training.eval_steps,
        logging_steps=training.logging_steps,
        seed=training.seed,
        save_strategy="no",
        activation_checkpointing=False,
        use_cpu=device.type == "cpu",
        bf16=device.type == "cuda" and torch.cuda.is_bf16_supported(),
        optim=training.optim,
        report_to=[],
        disable_tqdm=True,
    )
