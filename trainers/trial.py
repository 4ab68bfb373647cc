"""What a trial is: one configuration, trained once."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

LOFTQ = "loftq"
"""PEFT's name, in `init_lora_weights`, for an adapter that makes up for what quantizing lost."""

_LOFTQ_BITS = _LOFTQ_ITER = 4  # the tuning guide's defaults (001, LoftQ)

# pydantic reads this attribute when the sweeper validates a composed configuration (`sweeper.validation`).
_FORBID_UNKNOWN = {"extra": "forbid"}


@dataclass(frozen=True)
class Model:
    """The base model: a local folder, a hub id, or `bundled:tiny`."""

    __pydantic_config__ = _FORBID_UNKNOWN

    name: str
    path: str
    revision: str | None = None
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    attn_implementation: str | None = None
    trust_remote_code: bool = False
    cache_dir: str = "runs/.cache"


@dataclass(frozen=True)
class Quantization:
    """How the frozen base is stored; field names as in `transformers.BitsAndBytesConfig`."""

    __pydantic_config__ = _FORBID_UNKNOWN

    name: Literal["none", "int8", "nf4"] = "none"
    llm_int8_threshold: float = 6.0
    llm_int8_has_fp16_weight: bool = False
    bnb_4bit_use_double_quant: bool = True
    bnb_4bit_compute_dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"


@dataclass(frozen=True)
class Lora:
    """The adapter. `gain` is the requested alpha/r (alpha/sqrt(r) with rsLoRA); `alpha` is what is trained with.

    `alpha_law` is how alpha came to follow rank, the laws agreeing at `alpha_r`.
    `init_lora_weights`, `loftq_bits` and `loftq_iter` are PEFT's names.
    """

    __pydantic_config__ = _FORBID_UNKNOWN

    r: int
    alpha: int | float
    gain: float | None = None
    alpha_law: Literal["gain", "constant", "per_r", "per_sqrt_r"] = "gain"
    alpha_r: int | None = None
    dropout: float = 0.05
    use_rslora: bool = False
    target_modules: str | list[str] = "all-linear"
    bias: Literal["none", "lora_only", "all"] = "none"
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    init_lora_weights: bool | str = True
    loftq_bits: Literal[4, 8] | None = None
    loftq_iter: int | None = None
    kwargs: dict[str, Any] = field(default_factory=dict)

    @property
    def realised_gain(self) -> float:
        """The gain after alpha was rounded: alpha/r, or alpha/sqrt(r) with rsLoRA (Kalajdzievski 2023, eq. 4)."""
        return self.alpha / (self.r**0.5 if self.use_rslora else self.r)

    @property
    def uses_loftq(self) -> bool:
        """True where the adapter begins with LoftQ."""
        return self.init_lora_weights == LOFTQ

    @property
    def bits(self) -> int:
        """Bits per weight of the base that LoftQ corrects."""
        return _LOFTQ_BITS if self.loftq_bits is None else self.loftq_bits

    @property
    def turns(self) -> int:
        """How often LoftQ quantizes and decomposes."""
        return _LOFTQ_ITER if self.loftq_iter is None else self.loftq_iter


@dataclass(frozen=True)
class Data:
    """Training, validation and test rows, and how a row becomes a prompt and a completion.

    `instruction` fills the template's place of that name. `on_bad_rows` is pandas' choice for rows that cannot be used:
    nothing is trained, or they are left out, counted and named. `augmentation_factor` is how many rows a training row
    becomes with augmentation, itself included; `class_balance` is what is done about labels with fewer rows than
    others (`trainers.class_balance`). `generated_rows` of the validation rows, evenly spaced, are answered freely at
    every rung and held against their completions; labelled rows always are.
    `validation_prompts` are answered at every rung, each in at most `max_new_tokens` (`trainers.samples`).
    """

    __pydantic_config__ = _FORBID_UNKNOWN

    name: str
    path: str
    validation_path: str | None = None
    test_path: str | None = None
    subset: str | None = None
    split: str = "train"
    revision: str | None = None
    max_samples: int | None = None
    validation_fraction: float = 0.1
    labels: list[str] | None = None
    template: str | None = None
    instruction: str | None = None
    on_bad_rows: Literal["error", "skip"] = "error"
    augmentation: Literal["none", "eda"] = "none"
    augmentation_factor: int = 3
    class_balance: Literal["none", "weights", "oversample", "undersample"] = "none"
    generated_rows: int | Literal["all"] = 0
    validation_prompts: list[str] = field(default_factory=list)
    max_new_tokens: int = 64
    cache_dir: str = "runs/.cache"

    @property
    def untouched(self) -> Data:
        """The same data without what is done to training rows alone: balancing and augmentation."""
        factor = Data.augmentation_factor
        return dataclasses.replace(self, augmentation="none", augmentation_factor=factor, class_balance="none")


@dataclass(frozen=True)
class Training:
    """The optimisation; names and meanings are those of `transformers.TrainingArguments` and `trl.SFTConfig`.

    `stop_at` ends a run early with the whole run's learning-rate schedule: a number of steps, or below 1 a share.
    `early_stopping_patience` ends it after so many evaluations without a better `sweep.metric`; the driver decides.
    `completion_only_loss` false trains on prompts, too. `probes` are measured besides the curves (`trainers.probes`).
    """

    __pydantic_config__ = _FORBID_UNKNOWN

    learning_rate: float
    lr_scheduler_type: str = "linear"
    lr_scheduler_kwargs: dict[str, Any] = field(default_factory=dict)
    warmup_steps: float = 0
    weight_decay: float = 0.0
    optim: str = "adamw_torch"
    per_device_train_batch_size: int = 8
    per_device_eval_batch_size: int = 64
    gradient_accumulation_steps: int = 1
    max_steps: int = -1
    num_train_epochs: float = 3.0
    stop_at: float | None = None
    eval_steps: int = 50
    early_stopping_patience: int | None = None
    logging_steps: int = 10
    max_length: int = 512
    max_grad_norm: float = 1.0
    packing: bool = False
    completion_only_loss: bool = True
    label_smoothing_factor: float = 0.0
    neftune_noise_alpha: float | None = None
    train_sampling_strategy: Literal["random", "group_by_length"] = "random"
    activation_checkpointing: bool = False
    seed: int = 42
    probes: list[Literal["logits", "bleed", "drift"]] = field(default_factory=list)
    kwargs: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class TrialConfig:
    """Everything that decides what a trial computes, and nothing else."""

    __pydantic_config__ = _FORBID_UNKNOWN

    model: Model
    quantization: Quantization
    lora: Lora
    data: Data
    training: Training

    def steps_of(self, whole: int) -> int:
        """Returns the steps that are run of a run that would have `whole`."""
        stop = self.training.stop_at
        if stop is None:
            return whole
        return min(whole, max(1, math.ceil(stop * whole) if stop < 1 else int(stop)))

    @property
    def is_reference(self) -> bool:
        """True for the untrained base model, which is evaluated and never trained."""
        return self.training.max_steps == 0


def flatten(config: TrialConfig) -> dict[str, Any]:
    """Returns the configuration as `{"lora.r": 8, "lora.kwargs.use_dora": True, ...}`, the realised gain included."""
    flat: dict[str, Any] = {}
    for group, values in dataclasses.asdict(config).items():
        passed = values.pop("kwargs", {})
        flat |= {f"{group}.{name}": value for name, value in values.items()}
        flat |= {f"{group}.kwargs.{name}": value for name, value in passed.items()}
    return {**flat, "lora.realised_gain": config.lora.realised_gain}


def from_mapping(values: Mapping[str, Mapping[str, Any]]) -> TrialConfig:
    """Rebuilds a configuration that `dataclasses.asdict` took apart.

    Args:
        values: One mapping per group, as it stands in the event log.

    Returns:
        The configuration; nothing is validated, since only validated configurations are ever recorded.
    """
    return TrialConfig(
        model=Model(**values["model"]),
        quantization=Quantization(**values["quantization"]),
        lora=Lora(**values["lora"]),
        data=Data(**values["data"]),
        training=Training(**values["training"]),
    )


def reference_of(config: TrialConfig) -> TrialConfig:
    """Returns the untrained base model's configuration that a trial is compared with.

    Everything that cannot change its evaluation takes its default, so that trials share one reference.
    """
    training = Training(
        learning_rate=0.0,
        max_steps=0,
        max_length=config.training.max_length,
        per_device_eval_batch_size=config.training.per_device_eval_batch_size,
    )
    data = config.data.untouched
    if data.validation_path is not None:
        data = dataclasses.replace(data, max_samples=None)
    return dataclasses.replace(config, lora=Lora(r=1, alpha=1), data=data, training=training)
