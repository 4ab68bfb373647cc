"""A linear layer of the frozen base with the adapters of all slots beside it.

PEFT refuses mixed adapters while training, and computes one after the other; here the slots' products are batched.
"""

from __future__ import annotations

import torch


class StackedLinear(torch.nn.Module):  # type: ignore[misc]
    """Adds `scale[k] * (dropout_k(x_k) A_k^T) B_k^T` to the rows of slot k (Hu et al. 2021, equation 3).

    The rows of a micro-batch belong to slots in order: the first share to slot 0, and so on. Ranks are padded with
    zeros: a padded row of A meets a padded column of B, both get zero gradient, so the padding stays exactly zero.

    Attributes:
        a: (slots, r_max, d_in).
        b: (slots, d_out, r_max).
        scale: (slots,), 0 for a slot that is empty or does not adapt this module.
    """

    scale: torch.Tensor

    def __init__(self, base: torch.nn.Module, a: torch.nn.Parameter, b: torch.nn.Parameter, masks: Masks) -> None:
        super().__init__()
        self.base, self.a, self.b, self._masks = base, a, b, masks
        self.register_buffer("scale", torch.zeros(len(a), device=a.device), persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Returns the base's output with every slot's own change.

        Args:
            x: (slots * rows, sequence, d_in).

        Returns:
            (slots * rows, sequence, d_out).
        """
        out: torch.Tensor = self.base(x)
        slots = x.reshape(len(self.a), -1, x.shape[-1]).to(self.a.dtype)  # (slots, rows * sequence, d_in)
        low = torch.bmm(self._masks.drop(slots), self.a.mT)
        delta = torch.bmm(low * self.scale[:, None, None], self.b.mT)
        return out + delta.reshape(out.shape).to(out.dtype)


class Masks:
    """Adapter dropout, each slot's own: what a slot draws depends on its seed and its count of draws alone.

    Attributes:
        rates: A slot's share of dropped inputs, 0 where nothing is dropped.
        generators: A slot's source of randomness.
    """

    def __init__(self, slots: int, device: torch.device) -> None:
        self.rates = [0.0] * slots
        self.generators = [torch.Generator(device) for _ in range(slots)]
        self.is_on = True

    def drop(self, x: torch.Tensor) -> torch.Tensor:
        """Returns x (slots, positions, features) with each slot's share of values dropped, the rest scaled up."""
        if not self.is_on or not any(self.rates):
            return x
        return torch.stack([self._one(x[slot], slot) for slot in range(len(x))])

    def _one(self, x: torch.Tensor, slot: int) -> torch.Tensor:
        rate = self.rates[slot]
        if not rate:
            return x
        kept = torch.empty_like(x).bernoulli_(1 - rate, generator=self.generators[slot])
        return x * kept / (1 - rate)
