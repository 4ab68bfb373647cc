"""One trial as a user of TRL writes it: a script of its own that imports, loads, trains and evaluates.

Run: python -m benchmarks.trl_trial MODEL RANK LEARNING_RATE STEPS
"""

from __future__ import annotations

import sys
from pathlib import Path

import yaml
from datasets import Dataset
from peft import LoraConfig
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import SFTConfig, SFTTrainer

from trainers import data
from trainers.trial import Data

CONF = Path(__file__).parent.parent / "conf"


def main(model: str, r: int, learning_rate: float, steps: int) -> None:
    rows = data.load(Data(**yaml.safe_load((CONF / "data/emotion.yaml").read_text())))
    train, validation = (
        Dataset.from_list([{"prompt": row.prompt, "completion": row.completion} for row in part])
        for part in (rows.train, rows.validation)
    )
    trainer = SFTTrainer(
        model=AutoModelForCausalLM.from_pretrained(model),
        args=SFTConfig(
            output_dir="trl",
            learning_rate=learning_rate,
            lr_scheduler_type="linear",
            warmup_steps=10,
            per_device_train_batch_size=8,
            per_device_eval_batch_size=64,
            max_steps=steps,
            eval_strategy="steps",
            eval_steps=steps // 4,
            save_strategy="no",
            logging_steps=10,
            max_length=256,
            optim="adamw_torch",
            activation_checkpointing=False,
            use_cpu=True,
            bf16=False,
        ),
        train_dataset=train,
        eval_dataset=validation,
        processing_class=AutoTokenizer.from_pretrained(model),
        peft_config=LoraConfig(
            r=r, lora_alpha=2 * r, lora_dropout=0.05, target_modules="all-linear", task_type="CAUSAL_LM"
        ),
    )
    trainer.train()
    trainer.save_model("trl/adapter")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4]))
