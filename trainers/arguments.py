"""From our training settings to TRL's SFTConfig."""

from __future__ import annotations

import torch
import trl

from trainers import schedules
from trainers.base_model import has_bf16
from trainers.trial import Training


def sft_config(training: Training, device: torch.device, output_dir: str) -> trl.SFTConfig:
    """Returns TRL's configuration of a trial.

    Args:
        training: The settings; names are TRL's own.
        device: Mixed precision is bfloat16 on a GPU that has it and off on a CPU.
        output_dir: TRL insists on one; nothing is written there, since evaluating and saving are ours.
    """
    return trl.SFTConfig(
        output_dir=output_dir,
        learning_rate=training.learning_rate,
        **schedules.library_arguments(training),
        warmup_steps=training.warmup_steps,
        weight_decay=training.weight_decay,
        optim=training.optim,
        per_device_train_batch_size=training.per_device_train_batch_size,
        gradient_accumulation_steps=training.gradient_accumulation_steps,
        max_steps=training.max_steps,
        num_train_epochs=training.num_train_epochs,
        logging_steps=training.logging_steps,
        max_length=training.max_length,
        max_grad_norm=training.max_grad_norm,
        packing=training.packing,
        neftune_noise_alpha=training.neftune_noise_alpha,
        train_sampling_strategy=training.train_sampling_strategy,
        activation_checkpointing=training.activation_checkpointing,
        seed=training.seed,
        use_cpu=device.type == "cpu",
        bf16=has_bf16(device),
        # A NaN loss must be seen: by default the Trainer logs the mean of what was finite (facts, section 1).
        logging_nan_inf_filter=False,
        save_strategy="no",
        eval_strategy="no",
        report_to=[],
        disable_tqdm=True,
        # Rows come tokenised as TRL would; only packing needs its preparation.
        dataset_kwargs={"skip_prepare_dataset": not training.packing},
        **training.kwargs,
    )
