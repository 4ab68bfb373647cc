"""A trial as Python: what to give PEFT and TRL to train the same adapter without this tool."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from analysis.markdown import escape

# PEFT's name for ours.
_LORA = {
    "r": "r",
    "alpha": "lora_alpha",
    "dropout": "lora_dropout",
    "use_rslora": "use_rslora",
    "target_modules": "target_modules",
    "bias": "bias",
    "init_lora_weights": "init_lora_weights",
}

# TRL's own names, but for what only a sweep knows.
_TRAINING = (
    *("learning_rate", "lr_scheduler_type", "lr_scheduler_kwargs", "warmup_steps", "weight_decay", "optim"),
    *("per_device_train_batch_size", "per_device_eval_batch_size", "gradient_accumulation_steps"),
    *("max_steps", "num_train_epochs", "eval_steps", "logging_steps", "max_length", "max_grad_norm", "packing"),
    *("completion_only_loss", "label_smoothing_factor", "neftune_noise_alpha", "train_sampling_strategy"),
    *("activation_checkpointing", "seed"),
)

_MATCHED = "matched.target_modules"
"""What a trial recorded of a named set of target modules: the list that PEFT takes."""

_BITS = {
    "nf4": ("load_in_4bit", "bnb_4bit_quant_type", "bnb_4bit_use_double_quant", "bnb_4bit_compute_dtype"),
    "int8": ("load_in_8bit", "llm_int8_threshold", "llm_int8_has_fp16_weight"),
}
_FIXED = {"load_in_4bit": True, "load_in_8bit": True, "bnb_4bit_quant_type": "nf4"}
"""What transformers' BitsAndBytesConfig needs for `quantization.name`."""


def snippet(params: Mapping[str, Any], metric: str, direction: str) -> str:
    """Returns Python source that makes `lora`, `training` and, for a quantized base, `quantization`.

    Args:
        params: Of the trial, under their dotted names; what is not known is left to the libraries' defaults.
        metric: What chooses the checkpoint, where transformers measures it.
        direction: `minimize` or `maximize`.
    """
    quantized = _BITS.get(str(params.get("quantization.name")), ())
    classes = ["from peft import LoftQConfig, LoraConfig" if _is_loftq(params) else "from peft import LoraConfig"]
    classes += ["from transformers import BitsAndBytesConfig"] if quantized else []
    lines = ["import torch", *classes, "from trl import SFTConfig", "", *_call("lora", "LoraConfig", _lora(params))]
    lines += _call("training", "SFTConfig", _training(params, metric, direction))
    if quantized:
        lines += _call("quantization", "BitsAndBytesConfig", _quantization(params, quantized))
    return "\n".join(lines) + "\n"


def unsaid(params: Mapping[str, Any]) -> Iterator[str]:
    """Yields what a trial did that these classes have no word for, in sentences."""
    scheduler, kwargs = params.get("training.lr_scheduler_type"), params.get("training.lr_scheduler_kwargs") or {}
    if scheduler == "range_test":
        yield "The schedule `range_test` is this tool's own."
    if isinstance(kwargs, Mapping) and "decay_share" in kwargs:
        share = escape(str(kwargs["decay_share"]))
        yield f"decay_share={share} is that share of all steps, which TRL wants as num_decay_steps."
    if params.get("training.stop_at") is not None:
        stop = escape(str(params["training.stop_at"]))
        yield f"The run ended at training.stop_at={stop} with the whole run's schedule."
    targets = params.get("lora.target_modules")
    if isinstance(targets, str) and targets.isidentifier() and not params.get(_MATCHED):
        yield f"target_modules={escape(targets)} is a set that this tool names; PEFT wants the modules' own names."
    if params.get("data.class_balance") == "weights":
        yield "Rows were weighted by their label (data.class_balance=weights), which TRL has no word for."
    if params.get("training.train_sampling_strategy") == "group_by_length":
        yield "Groups of like length were drawn from the seed and the epoch; TRL draws them from the process's state."
    if params.get("quantization.name") in _BITS and params.get("lora.dtype") == "float32":
        yield "The adapter was trained in float32; TRL casts it to bfloat16 on a 4-bit base unless told otherwise."


def _lora(params: Mapping[str, Any]) -> dict[str, str]:
    known = {name: params[f"lora.{key}"] for key, name in _LORA.items() if params.get(f"lora.{key}") is not None}
    known |= {"target_modules": params[_MATCHED]} if params.get(_MATCHED) else {}
    free = _free(params, "lora.kwargs.")
    source = {name: repr(value) for name, value in {**known, **free}.items()}
    if _is_loftq(params):
        bits, turns = params.get("lora.loftq_bits") or 4, params.get("lora.loftq_iter") or 1
        source["loftq_config"] = f"LoftQConfig(loftq_bits={bits!r}, loftq_iter={turns!r})"
    return {**source, "task_type": repr("CAUSAL_LM")}


def _free(params: Mapping[str, Any], group: str) -> dict[str, Any]:
    """Returns what was passed through to the libraries; of imported names those that can be an argument's."""
    names = {key.removeprefix(group): key for key in params if key.startswith(group)}
    return {name: params[key] for name, key in names.items() if name.isidentifier()}


def _is_loftq(params: Mapping[str, Any]) -> bool:
    return params.get("lora.init_lora_weights") == "loftq"


def _training(params: Mapping[str, Any], metric: str, direction: str) -> dict[str, str]:
    known = {name: params[f"training.{name}"] for name in _TRAINING if params.get(f"training.{name}") is not None}
    free = _free(params, "training.kwargs.")
    values = {"output_dir": "adapter", **known, **_checkpoints(known, metric, direction), **free}
    source = {name: repr(value) for name, value in values.items() if value != {}}
    return {"bf16": _BF16, **source}


_BF16 = "torch.cuda.is_available() and torch.cuda.is_bf16_supported(including_emulation=False)"
"""Mixed precision as a trial had it (`trainers.arguments`); SFTConfig's default refuses a machine without it."""

_TRLS = {"eval_loss": "eval_loss", "token_accuracy": "eval_mean_token_accuracy"}
"""What TRL's trainer measures by itself, by our names."""


def _checkpoints(known: Mapping[str, Any], metric: str, direction: str) -> dict[str, Any]:
    """Returns what keeps the best checkpoint, or every evaluated one where TRL does not measure the metric."""
    if "eval_steps" not in known:
        return {}
    if metric not in _TRLS:
        return {"eval_strategy": "steps", "save_strategy": "steps", "save_steps": known["eval_steps"]}
    best = {"metric_for_best_model": _TRLS[metric], "greater_is_better": direction == "maximize"}
    return {"eval_strategy": "steps", "save_strategy": "best", **best}


def _quantization(params: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, str]:
    values = {name: _FIXED.get(name, params.get(f"quantization.{name}")) for name in names}
    return {name: repr(value) for name, value in values.items() if value not in (None, "auto")}


def _call(name: str, function: str, arguments: Mapping[str, str]) -> Iterator[str]:
    yield f"{name} = {function}("
    yield from (f"    {key}={value}," for key, value in arguments.items())
    yield ")"
