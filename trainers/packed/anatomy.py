"""What adapters find in a base model: its linear layers, and those that each configuration changes."""

from __future__ import annotations

from trainers.base_model import Base
from trainers.packed.targets import Targets, linear, packable, targets
from trainers.trial import Lora


class Anatomy:
    """Looks at a base once per kind of adapter."""

    def __init__(self, base: Base) -> None:
        self.base = base
        self.places = linear(base.model)
        self._targets: dict[str, Targets] = {}
        self._packable: dict[tuple[str, ...], bool] = {}

    def targets(self, lora: Lora) -> Targets:
        """Returns the layers that an adapter changes."""
        key = repr(lora.target_modules)
        if key not in self._targets:
            self._targets[key] = targets(self.base.model, lora)
        return self._targets[key]

    def packable(self, lora: Lora) -> bool:
        """True where slots can share a pass through those layers."""
        names = self.targets(lora).names
        if names not in self._packable:
            self._packable[names] = packable(self.base.model, names)
        return self._packable[names]
