"""What adapters find in a base model: its linear layers, and those that each configuration changes."""

from __future__ import annotations

from typing import Any

import torch

from trainers.base_model import Base
from trainers.packed.targets import Targets, linear, packable, stretches, targets
from trainers.trial import Lora, TrialConfig

_REGISTERS = 64  # values of two bytes in the two AVX-512 registers that torch fills at a time


class Anatomy:
    """Looks at a base once per kind of adapter.

    Attributes:
        base: The base.
        places: Its linear layers, each with its place among all of them.
        is_ragged: True where the end of a tensor may not fill the registers of a CPU. What is left over goes through
            scalar code, which rounds exponentials otherwise: the last values of a pass are not quite what they are
            elsewhere in it.
    """

    def __init__(self, base: Base) -> None:
        self.base = base
        self.is_ragged = base.model.device.type == "cpu" and any(size % _REGISTERS for size in _sizes(base.model))
        self.places = linear(base.model)
        self._targets: dict[str, Targets] = {}
        self._packable: dict[tuple[str, ...], bool] = {}

    def targets(self, lora: Lora) -> Targets:
        """Returns the layers that an adapter changes."""
        key = repr(lora.target_modules)
        if key not in self._targets:
            self._targets[key] = targets(self.base.model, lora)
        return self._targets[key]

    def packable(self, config: TrialConfig) -> bool:
        """True where slots can share a pass through the layers that a trial adapts, with rows as long as it allows."""
        names = self.targets(config.lora).names
        if names not in self._packable:
            self._packable[names] = packable(self.base.model, names)
        return self._packable[names] and not stretches(self.base.model, config.training.max_length)


def _sizes(model: Any) -> list[int]:
    """Returns how many features each linear layer has but the head: few models put an activation behind that."""
    head = model.get_output_embeddings()
    linears = [module for module in model.modules() if isinstance(module, torch.nn.Linear) and module is not head]
    return [module.out_features for module in linears]
