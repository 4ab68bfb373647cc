"""Adapter dropout, each slot's own."""

from __future__ import annotations

from collections.abc import Container

import torch


class Masks:
    """What a slot draws depends on its seed and on how much it has drawn, not on its neighbours.

    Attributes:
        rates: A slot's share of dropped inputs, 0 where nothing is dropped.
        generators: A slot's source of randomness.
    """

    def __init__(self, slots: int, device: torch.device) -> None:
        self.rates = [0.0] * slots
        self.generators = [torch.Generator(device) for _ in range(slots)]

    def drop(self, x: torch.Tensor, served: Container[int]) -> torch.Tensor:
        """Drops each slot's share of values and scales the rest up.

        Args:
            x: (slots, positions, features), what a layer is given.
            served: The slots that adapt this layer; no other slot draws for it.
        """
        dropping = [rate > 0 and slot in served for slot, rate in enumerate(self.rates)]
        if not any(dropping):
            return x
        return torch.stack([self._one(part, slot) if dropping[slot] else part for slot, part in enumerate(x)])

    def _one(self, x: torch.Tensor, slot: int) -> torch.Tensor:
        rate = self.rates[slot]
        kept = torch.empty_like(x).bernoulli_(1 - rate, generator=self.generators[slot])
        return x * kept.div_(1 - rate)
