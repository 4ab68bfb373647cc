"""The test: a kept adapter, or the untrained base, is measured on rows that no choice has seen."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path
from typing import Any

import peft
import torch
import transformers

from trainers import adapter, base_model, data, loftq, tokens
from trainers.evaluation import Measured, as_test, measured
from trainers.failure import failed
from trainers.full_precision import FullPrecision
from trainers.loaded import Loaded
from trainers.seam import Failed, Test, Tested, TrialFailed
from trainers.tokens import TokenRows
from trainers.trial import Data, TrialConfig

FINGERPRINT = "data.test"
"""The fact of a test: the fingerprint of its rows as they are measured."""


def answer(command: Test, loaded: Loaded) -> Tested | Failed:
    """Measures what a command names; whatever it raises becomes the event that says so.

    Args:
        command: The trial and its adapter's folder.
        loaded: What the worker keeps: the base is left in it as it was found, or let go.
    """
    try:
        return _tested(command, loaded)
    except TrialFailed as error:
        return failed(command.trial, error)
    except Exception as error:  # noqa: BLE001 - as in trainers.sft: whatever a trial raises becomes its record
        loaded.forget()  # it may be half-wrapped
        return failed(command.trial, error)


def _tested(command: Test, loaded: Loaded) -> Tested:
    config, base = command.config, loaded.base(command.config)
    began = time.perf_counter()  # loading models is the worker's cost
    rows, read = _rows(config, base)
    found = _measured(command, base, rows, loaded)
    facts: dict[str, Any] = {
        "rows": len(rows.validation),
        "cut_off": read - len(rows.validation),
        FINGERPRINT: rows.fingerprint,
        "seconds": round(time.perf_counter() - began, 3),
    }
    return Tested(command.trial, as_test(found.values), found.labels, found.counts, facts)


def _rows(config: TrialConfig, base: base_model.Base) -> tuple[TokenRows, int]:
    """Returns the test rows where validation rows stand, and how many there were before the longest were cut off."""
    known = data.load(config.data.untouched)  # for its labels, and which of them is the rarest to train on
    examples = data.read_test(config.data, known.labels)[0]
    if not examples:
        raise TrialFailed(f"{config.data.path} has no test rows; try data.test_path=FILE")
    put = dataclasses.replace(known, train=examples, validation=examples)
    made = tokens.tokenize(put, base.tokenizer, config.training.max_length)
    return dataclasses.replace(made, train=[]), len(examples)


def _measured(command: Test, base: base_model.Base, rows: TokenRows, loaded: Loaded) -> Measured:
    config = command.config
    size, asked = config.training.per_device_eval_batch_size, _all_answered(config.data)
    if not command.adapter:
        return measured(base.model, rows, base.tokenizer, asked, size, threshold=command.threshold)
    model = attached(base.model, config, Path(command.adapter))
    try:
        return measured(model, rows, base.tokenizer, asked, size, threshold=command.threshold)
    finally:
        model.unload()
        if adapter.changes_base(config.lora):
            loaded.forget()


def _all_answered(config: Data) -> Data:
    """Returns the data with all test rows answered freely, where some validation rows were: there is time for once."""
    return dataclasses.replace(config, generated_rows="all") if config.generated_rows else config


def attached(base: Any, config: TrialConfig, folder: Path) -> Any:
    """Wraps a base with a kept adapter, so that it computes what it did at the rung where it was kept.

    Not by `peft.PeftModel.from_pretrained`: where LoftQ or another way to begin has replaced the base's weights, the
    adapter belongs to the base that training began with, so it is begun once more, and then filled.

    Args:
        base: The base as it was loaded.
        config: The trial.
        folder: As `trainers.adapter.save` or a pack wrote it.

    Raises:
        TrialFailed: There is no adapter, or it is not this trial's.
    """
    try:
        weights = peft.utils.load_peft_weights(str(folder), device=str(base.device))
    except (OSError, ValueError) as error:
        raise TrialFailed(f"the adapter in {folder} cannot be read: {error}") from error
    transformers.set_seed(config.training.seed)  # some ways to begin draw, and replace the base by what that leaves
    model = adapter.attach(base, config.lora)
    if config.lora.uses_loftq:
        loftq.initialise(model, FullPrecision(config.model).weight, config.lora.turns)
    _fill(model, weights, folder)
    return model.eval()


def _fill(model: Any, weights: dict[str, torch.Tensor], folder: Path) -> None:
    wanted = set(peft.get_peft_model_state_dict(model))
    if missing := sorted(wanted ^ set(weights)):
        model.unload()
        raise TrialFailed(f"the adapter in {folder} is not this trial's: {missing[0]} is in one of the two alone")
    try:
        peft.set_peft_model_state_dict(model, weights)
    except RuntimeError as error:  # of another rank
        model.unload()
        raise TrialFailed(f"the adapter in {folder} is not this trial's: {str(error).splitlines()[-1]}") from error
