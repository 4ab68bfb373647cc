"""What to change where a trial does not fit into memory, in the documents' order.

Out of memory (001, 002, 004): a smaller micro-batch (of evaluations first, where nothing is lost) with more
accumulation, shorter rows, a 4-bit base, activation checkpointing, fewer target modules.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from sweeper.model_facts import ModelFacts
from sweeper.target_matching import matched
from trainers.trial import Quantization, TrialConfig

Needs = Callable[[TrialConfig], float]
Fits = Callable[[TrialConfig], bool]

_SHORTEST = 128
"""Tokens: the documents' class of short texts (002, max_length)."""

_NARROW = "qv"
"""Queries and values, where most of LoRA's gain is (Hu et al. 2021, section 7.1)."""


def remedy(config: TrialConfig, model: ModelFacts, needs: Needs, limit: float) -> str:
    """Returns overrides with which a trial fits.

    Args:
        config: The trial.
        model: Its base.
        needs: How much memory a trial takes.
        limit: How much it may take.

    Returns:
        The first change that suffices alone, else as many as are needed together, in the documents' order.
    """
    mended = [change(config, model, lambda asked: needs(asked) <= limit) for change in _CHANGES]
    alone = (found[1] for found in mended if found is not None and needs(found[0]) <= limit)
    return next(alone, None) or _together(config, model, needs, limit)


def _together(config: TrialConfig, model: ModelFacts, needs: Needs, limit: float) -> str:
    """Returns one change after the other, those that change nothing left out."""
    said: list[str] = []
    for change in _CHANGES:
        mended = change(config, model, lambda asked: needs(asked) <= limit)
        if mended is not None and needs(mended[0]) < needs(config):
            config = mended[0]
            said.append(mended[1])
        if needs(config) <= limit:
            return " ".join(said)
    return " ".join([*said, "and a smaller model, or a device with more memory"])


def smallest(config: TrialConfig) -> TrialConfig:
    """Returns what the driver ends with when memory does not last: single rows (`sweeper.batches`)."""
    return with_rows(_evaluating(config, 1), 1)


def with_rows(config: TrialConfig, rows: int) -> TrialConfig:
    """Returns the same updates of the same rows in other micro-batches."""
    training = config.training
    update = training.per_device_train_batch_size * training.gradient_accumulation_steps
    smaller = dataclasses.replace(
        training, per_device_train_batch_size=rows, gradient_accumulation_steps=max(1, update // rows)
    )
    return dataclasses.replace(config, training=smaller)


_Mended = tuple[TrialConfig, str] | None
_Change = Callable[[TrialConfig, ModelFacts, Fits], _Mended]


def _fewer_evaluated(config: TrialConfig, model: ModelFacts, fits: Fits) -> _Mended:
    """Evaluates fewer rows at once, which changes no result: the loss is weighted by tokens (`trainers.evaluation`)."""
    sizes = [config.training.per_device_eval_batch_size >> halvings for halvings in range(1, 32)]
    tried = [(size, _evaluating(config, size)) for size in sizes if size]
    found = next(((size, changed) for size, changed in tried if fits(changed)), tried[-1] if tried else None)
    return found and (found[1], f"training.per_device_eval_batch_size={found[0]}")


def _evaluating(config: TrialConfig, rows: int) -> TrialConfig:
    training = dataclasses.replace(config.training, per_device_eval_batch_size=rows)
    return dataclasses.replace(config, training=training)


def _fewer_rows(config: TrialConfig, model: ModelFacts, fits: Fits) -> _Mended:
    rows, accumulated = config.training.per_device_train_batch_size, config.training.gradient_accumulation_steps
    sizes = [size for size in range(rows - 1, 0, -1) if rows * accumulated % size == 0]
    if not sizes:
        return None
    found = next((size for size in sizes if fits(with_rows(config, size))), sizes[-1])
    changed = with_rows(config, found)
    more = changed.training.gradient_accumulation_steps
    return changed, (f"training.per_device_train_batch_size={found} training.gradient_accumulation_steps={more}")


def _shorter(config: TrialConfig, model: ModelFacts, fits: Fits) -> _Mended:
    half = config.training.max_length // 2
    if half < _SHORTEST:
        return None
    training = dataclasses.replace(config.training, max_length=half)
    return dataclasses.replace(config, training=training), f"training.max_length={half}"


def _quantized(config: TrialConfig, model: ModelFacts, fits: Fits) -> _Mended:
    if config.quantization.name == "nf4":
        return None
    return dataclasses.replace(config, quantization=Quantization("nf4")), "quantization=nf4"


def _checkpointed(config: TrialConfig, model: ModelFacts, fits: Fits) -> _Mended:
    if config.training.activation_checkpointing:
        return None
    training = dataclasses.replace(config.training, activation_checkpointing=True)
    return dataclasses.replace(config, training=training), "training.activation_checkpointing=true"


def _narrower(config: TrialConfig, model: ModelFacts, fits: Fits) -> _Mended:
    lora = dataclasses.replace(config.lora, target_modules=_NARROW)
    left = matched(lora, model)
    if not left or len(left) >= len(matched(config.lora, model)):
        return None
    return dataclasses.replace(config, lora=lora), f"lora.target_modules={_NARROW}"


_CHANGES: tuple[_Change, ...] = (_fewer_evaluated, _fewer_rows, _shorter, _quantized, _checkpointed, _narrower)
