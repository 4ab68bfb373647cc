"""How far the base beneath the adapter is from the one that was loaded.

Nothing, unless biases are trained or the adapter's beginning (LoftQ, PiSSA, OLoRA) has replaced the base's weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from trainers.probes.sampled_logits import distance, sampled
from trainers.tokens import Tokens


class Drift:
    """Remembers the base's logits as it was loaded, and compares the trained model's with its adapter disabled."""

    def __init__(self, base: Any, rows: Sequence[Tokens], pad: int) -> None:
        self._rows, self._pad = rows, pad
        self._before = sampled(base, rows, pad)

    def measure(self, model: Any) -> dict[str, float]:
        """Returns `base_drift`, the mean squared error of the logits, for a `peft.PeftModel`."""
        wanted = [(parameter, parameter.requires_grad) for parameter in model.parameters()]
        with model.disable_adapter():
            now = sampled(model, self._rows, self._pad)
        for parameter, trained in wanted:
            parameter.requires_grad_(trained)  # PEFT makes every part of an adapter trainable when it enables it again
        return {"base_drift": distance(self._before, now).mse}
