"""What a worker keeps between trials: the base model of the latest one, and its data as token ids."""

from __future__ import annotations

import dataclasses
from typing import Any

import torch

from trainers import base_model, data, fingerprints, tokens
from trainers.trial import Model, Quantization, TrialConfig


class Loaded:
    """Loads a base model, and the rows of a trial, at the first trial that asks for them."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._base: base_model.Base | None = None
        self._key: tuple[Model, Quantization] | None = None
        self._rows: dict[tuple[Any, ...], tokens.TokenRows] = {}
        self._tokenizer = ""

    def base(self, config: TrialConfig) -> base_model.Base:
        """Returns the trial's base model; another one that was held is let go first."""
        key = (config.model, config.quantization)
        if self._base is None or self._key != key:
            self._base, self._rows, self._tokenizer = None, {}, ""
            self._base = base_model.load(config.model, config.quantization, self.device)
            self._key = key
        return self._base

    def rows(self, config: TrialConfig) -> tokens.TokenRows:
        """Returns the trial's data, tokenised by its base model's tokenizer."""
        tokenizer = self.base(config).tokenizer
        max_length, completion_only = config.training.max_length, config.training.completion_only_loss
        key = (repr(dataclasses.asdict(config.data)), max_length, completion_only)
        if key not in self._rows:
            self._rows[key] = tokens.tokenize(data.load(config.data), tokenizer, max_length, completion_only)
        return self._rows[key]

    def facts(self, config: TrialConfig) -> dict[str, str | int]:
        """Returns what its rows became, and the fingerprints that tell whether numbers can be compared with others'."""
        rows, tokenizer = self.rows(config), self.base(config).tokenizer
        self._tokenizer = self._tokenizer or fingerprints.of_tokenizer(tokenizer)
        return {**rows.facts, fingerprints.VALIDATION: rows.fingerprint, fingerprints.TOKENIZER: self._tokenizer}

    def holds(self, config: TrialConfig) -> bool:
        """True where the trial's base model is the one that is held."""
        return self._base is not None and self._key == (config.model, config.quantization)

    def forget(self) -> None:
        """Lets the base model go: one that a trial has changed, or left half-wrapped."""
        self._base = None
