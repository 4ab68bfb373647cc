"""How far a trial's model is from the full-precision one before it is trained."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from trainers import base_model
from trainers.probes.sampled_logits import distance, sampled
from trainers.tokens import Tokens
from trainers.trial import Quantization, TrialConfig

NAME = "logits"


class FullLogits:
    """The full-precision model's logits, computed once per model and rows of a worker.

    Full precision is what `quantization=none` loads. The model stands beside the quantized one for as long as that
    takes, on the CPU where the device has no room for both.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._key: tuple[Any, ...] | None = None
        self._logits: list[torch.Tensor] = []

    def of(self, config: TrialConfig, base: base_model.Base, rows: Sequence[Tokens]) -> list[torch.Tensor]:
        """Returns them for a trial whose base is loaded and has no adapter."""
        key = (config.model, repr(config.data), config.training.max_length)
        if key != self._key:
            self._logits = self._computed(config, base, rows)
            self._key = key
        return self._logits

    def _computed(self, config: TrialConfig, base: base_model.Base, rows: Sequence[Tokens]) -> list[torch.Tensor]:
        pad = base.tokenizer.pad_token_id
        if config.quantization.name == "none":
            return sampled(base.model, rows, pad)
        try:
            return _loaded(config, self._device, rows, pad)
        except torch.OutOfMemoryError:
            return _loaded(config, torch.device("cpu"), rows, pad)


def _loaded(config: TrialConfig, device: torch.device, rows: Sequence[Tokens], pad: int) -> list[torch.Tensor]:
    return sampled(base_model.load(config.model, Quantization(), device).model, rows, pad)


def compare(model: Any, full: Sequence[torch.Tensor], rows: Sequence[Tokens], pad: int) -> dict[str, float]:
    """Returns `logit_mse` and `logit_cosine` of a trial's model against `FullLogits` of the same rows."""
    found = distance(sampled(model, rows, pad), full)
    return {"logit_mse": found.mse, "logit_cosine": found.cosine}
