"""What to change where a trial does not fit into memory, in the documents' order.

Out of memory (001, 002, 004): a smaller micro-batch with more accumulation, shorter rows, a 4-bit base, activation
checkpointing, fewer target modules.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

from sweeper.model_facts import ModelFacts
from sweeper.target_matching import matched
from trainers.trial import Quantization, TrialConfig

Fits = Callable[[TrialConfig], bool]

_SHORTEST = 128
"""Tokens: the documents' class of short texts (002, max_length)."""

_NARROW = ["q_proj", "v_proj"]
"""Queries and values, where most of LoRA's gain is (Hu et al. 2021, section 7.1)."""


def remedy(config: TrialConfig, model: ModelFacts, fits: Fits) -> str:
    """Returns overrides with which a trial fits.

    Args:
        config: The trial.
        model: Its base.
        fits: Whether a trial does.

    Returns:
        The first change that suffices alone, else as many as are needed together, in the documents' order.
    """
    alone = (mended for change in _changes(model) if (mended := change(config, fits)) is not None)
    for changed, override in alone:
        if fits(changed):
            return override
    said: list[str] = []
    for change in _changes(model):
        mended = change(config, fits)
        config, override = mended or (config, "")
        said += [override] if override else []
        if fits(config):
            return " ".join(said)
    return " ".join([*said, "and a smaller model, or a device with more memory"])


def with_rows(config: TrialConfig, rows: int) -> TrialConfig:
    """Returns the same updates of the same rows in other micro-batches."""
    training = config.training
    update = training.per_device_train_batch_size * training.gradient_accumulation_steps
    smaller = dataclasses.replace(
        training, per_device_train_batch_size=rows, gradient_accumulation_steps=max(1, update // rows)
    )
    return dataclasses.replace(config, training=smaller)


_Mended = tuple[TrialConfig, str] | None
_Change = Callable[[TrialConfig, Fits], _Mended]


def _changes(model: ModelFacts) -> Iterator[_Change]:
    yield _fewer_rows
    yield _shorter
    yield _quantized
    yield _checkpointed
    yield lambda config, _: _narrower(config, model)


def _fewer_rows(config: TrialConfig, fits: Fits) -> _Mended:
    rows, accumulated = config.training.per_device_train_batch_size, config.training.gradient_accumulation_steps
    sizes = [size for size in range(rows - 1, 0, -1) if rows * accumulated % size == 0]
    if not sizes:
        return None
    found = next((size for size in sizes if fits(with_rows(config, size))), sizes[-1])
    changed = with_rows(config, found)
    more = changed.training.gradient_accumulation_steps
    return changed, (f"training.per_device_train_batch_size={found} training.gradient_accumulation_steps={more}")


def _shorter(config: TrialConfig, fits: Fits) -> _Mended:
    half = config.training.max_length // 2
    if half < _SHORTEST:
        return None
    training = dataclasses.replace(config.training, max_length=half)
    return dataclasses.replace(config, training=training), f"training.max_length={half}"


def _quantized(config: TrialConfig, fits: Fits) -> _Mended:
    if config.quantization.name == "nf4":
        return None
    return dataclasses.replace(config, quantization=Quantization("nf4")), "quantization=nf4"


def _checkpointed(config: TrialConfig, fits: Fits) -> _Mended:
    if config.training.activation_checkpointing:
        return None
    training = dataclasses.replace(config.training, activation_checkpointing=True)
    return dataclasses.replace(config, training=training), "training.activation_checkpointing=true"


def _narrower(config: TrialConfig, model: ModelFacts) -> _Mended:
    lora = dataclasses.replace(config.lora, target_modules=_NARROW)
    left = matched(lora, model)
    if not left or len(left) >= len(matched(config.lora, model)):
        return None
    return dataclasses.replace(config, lora=lora), f"lora.target_modules=[{','.join(_NARROW)}]"
