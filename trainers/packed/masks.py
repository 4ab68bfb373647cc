"""Adapter dropout, each slot's own."""

from __future__ import annotations

from collections.abc import Container

import torch

# A random word of 64 bits makes four masks of 16: four times fewer draws, which are what dropout costs on a CPU, and a
# rate that is met to 1/65536.
_LANES, _LEVELS, _LEAST = 4, 1 << 16, -(1 << 15)
_FROM, _TO = -(1 << 63), None  # torch's way to ask for all 64 bits


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
        dropped = [round(rate * _LEVELS) if slot in served else 0 for slot, rate in enumerate(self.rates)]
        if not any(dropped):
            return x
        least = torch.tensor([_LEAST + level for level in dropped], dtype=torch.int16, device=x.device)
        scales = torch.tensor([_LEVELS / (_LEVELS - level) for level in dropped], dtype=x.dtype, device=x.device)
        kept = self._drawn(x, dropped) >= least[:, None, None]
        return x * (kept * scales[:, None, None])

    def _drawn(self, x: torch.Tensor, dropped: list[int]) -> torch.Tensor:
        """Returns whole numbers from all of int16, of x's shape; zeros for a slot that drops nothing."""
        count = x[0].numel()
        words = torch.zeros(len(x), -(-count // _LANES), dtype=torch.int64, device=x.device)
        for slot, level in enumerate(dropped):
            if level:
                words[slot].random_(_FROM, _TO, generator=self.generators[slot])
        return words.view(torch.int16)[:, :count].view(x.shape)
