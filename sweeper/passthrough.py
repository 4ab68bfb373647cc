"""Fields of the installed `LoraConfig` and `SFTConfig` that have no key of their own: `+lora.kwargs.use_dora=true`.

The names are read from the libraries' sources: importing them would take the driver ten seconds.
"""

from __future__ import annotations

import ast
import difflib
import functools
import importlib.util
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from sweeper.validation import Problem
from trainers.trial import Lora, Training

# Where each library declares the fields: (package, file, class), base classes included.
_SOURCES = {
    "lora": (
        ("peft", "tuners/lora/config.py", "LoraConfig"),
        ("peft", "config.py", "PeftConfig"),
        ("peft", "config.py", "PeftConfigMixin"),
    ),
    "training": (
        ("trl", "trainer/sft_config.py", "SFTConfig"),
        ("trl", "trainer/base_config.py", "_BaseConfig"),
        ("transformers", "training_args.py", "TrainingArguments"),
    ),
}
_CLASSES = {"lora": "peft.LoraConfig", "training": "trl.SFTConfig"}

# What the libraries call by another name than our key does.
_OURS = {
    "lora": {"lora_alpha": "lora.alpha", "lora_dropout": "lora.dropout"},
    "training": {},
}

# What the libraries gather in a mapping, and we in keys.
_SPREAD = {"loftq_config": "lora.init_lora_weights=loftq lora.loftq_bits=4 lora.loftq_iter=4"}

# What the tool decides itself: evaluating, saving and reporting are its own.
_KEPT = {
    "lora": {
        "task_type",
        "peft_type",
        "inference_mode",
        "base_model_name_or_path",
        "revision",
        "peft_version",
        "auto_mapping",
    },
    "training": {
        *("output_dir", "eval_strategy", "eval_on_start", "eval_delay", "per_gpu_eval_batch_size", "save_strategy"),
        *("save_steps", "report_to", "logging_strategy", "logging_nan_inf_filter", "load_best_model_at_end"),
        *("push_to_hub", "use_cpu", "disable_tqdm", "dataset_kwargs", "bf16", "fp16", "resume_from_checkpoint"),
    },
}

RETIRED = {
    "warmup_ratio": "training.warmup_steps={} (a number below 1 is a share of the steps)",
    "group_by_length": "training.train_sampling_strategy=group_by_length",
    "max_seq_length": "training.max_length={}",
    "evaluation_strategy": "training.eval_steps=50 (evaluations are counted in steps)",
    "eval_strategy": "training.eval_steps=50 (evaluations are counted in steps)",
    "tokenizer": "model.path=FOLDER (its tokenizer is used)",
    "no_cuda": "executor.devices=cpu",
    "use_cpu": "executor.devices=cpu",
    "gradient_checkpointing": "training.activation_checkpointing={}",
    "lora_r": "lora.r={}",
    "rank": "lora.r={}",
    "lora_alpha": "lora.alpha={}",
    "lora_dropout": "lora.dropout={}",
    "batch_size": "training.per_device_train_batch_size={}",
    "epochs": "training.num_train_epochs={}",
    "num_epochs": "training.num_train_epochs={}",
    "lr": "training.learning_rate={}",
    "seed": "training.seed={}",
    "scheduler": "training.lr_scheduler_type={}",
    "load_in_4bit": "quantization=nf4",
    "load_in_8bit": "quantization=int8",
    "packing_strategy": "+training.kwargs.packing_strategy={}",
    "bf16": "model.dtype=bfloat16",
    "fp16": "model.dtype=float16",
    "output_dir": "sweep.dir={}",
    "report_to": "tracking.uri=URI (MLflow records every sweep)",
    "model_name_or_path": "model.path={}",
    "model_name": "model.path={}",
    "dataset_name": "data.path={}",
    "dataset": "data.path={}",
    "experiment": "a search space or group option of your own, with --config-dir",
}
"""Names that users know from older versions, other tools or the documents, and what they are called here.

The value that was given takes the place of `{}`.
"""


def todays(name: str, value: Any) -> str | None:
    """Returns what a name from elsewhere is called here, with the value that was given; None for an unknown name."""
    found = RETIRED.get(name)
    return None if found is None else found.format(value)


@functools.cache
def names(group: str) -> frozenset[str]:
    """Returns the fields of the installed class behind `lora.kwargs` or `training.kwargs`."""
    return frozenset(name for source in _SOURCES[group] for name in _declared(*source))


def _declared(package: str, file: str, name: str) -> Iterator[str]:
    spec = importlib.util.find_spec(package)
    path = Path(str(spec.origin)).parent / file if spec is not None else Path()
    if not path.is_file():
        return
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ClassDef) and node.name == name:
            yield from (
                item.target.id
                for item in node.body
                if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name)
            )


def problems(group: str, kwargs: Mapping[str, Any]) -> Iterator[Problem]:
    """Yields what is wrong with the fields passed through.

    Args:
        group: `lora` or `training`.
        kwargs: Their values under the library's names.
    """
    own = {field.name: f"{group}.{field.name}" for field in fields(Lora if group == "lora" else Training)} | _OURS[
        group
    ]
    for name, value in kwargs.items():
        key = f"{group}.kwargs.{name}"
        if name in own:
            yield Problem(key, value, f"{name} has a key of its own", f"{own[name]}={value}")
        elif name in _SPREAD:
            yield Problem(key, value, f"{name} has keys of its own", _SPREAD[name])
        elif (remedy := todays(name, value)) is not None and name not in _KEPT[group]:
            yield Problem(key, value, f"the installed {_CLASSES[group]} has no such field any more", remedy)
        elif name in _KEPT[group]:
            yield Problem(key, value, "is decided by the tool itself", f"leave {key} out")
        elif name not in names(group):
            close = difflib.get_close_matches(name, names(group), n=1, cutoff=0.5)
            remedy = f"+{group}.kwargs.{close[0]}={value}" if close else f"a field of {_CLASSES[group]}"
            yield Problem(key, value, f"the installed {_CLASSES[group]} has no such field", remedy)
