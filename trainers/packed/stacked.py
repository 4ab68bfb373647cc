"""A linear layer of the frozen base with the adapters of all slots beside it.

PEFT refuses mixed adapters while training, and computes one after the other; here the slots' products are batched.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from bitsandbytes.nn import Linear8bitLt

from trainers.packed.masks import Masks


class StackedLinear(torch.nn.Module):  # type: ignore[misc]
    """Adds `scale[k] * (dropout_k(x_k) A_k^T) B_k^T` to the rows of slot k (Hu et al. 2021, equation 3).

    The rows of a micro-batch belong to slots in order: the first share to slot 0, and so on. Ranks are padded with
    zeros: a padded row of A meets a padded column of B, both get zero gradient, so the padding stays exactly zero.

    Attributes:
        a: (slots, r_max, d_in).
        b: (slots, d_out, r_max).
        scale: (slots,), 0 for a slot that is empty or does not adapt this module.
        served: The slots that adapt it.
    """

    scale: torch.Tensor

    def __init__(self, base: Any, a: torch.nn.Parameter, b: torch.nn.Parameter, masks: Masks) -> None:
        super().__init__()
        self.base, self.a, self.b, self._masks = base, a, b, masks
        self.register_buffer("scale", torch.zeros(len(a), device=a.device), persistent=False)
        self.served: set[int] = set()
        self._shown: tuple[torch.Tensor, torch.Tensor, torch.Tensor] | None = None

    def show(self, slots: Sequence[int] | None) -> None:
        """Serves some slots alone from now on, without gradients or dropout; None for all of them."""
        taken = list(slots or [])
        self._shown = None if slots is None else (self.a.data[taken], self.b.data[taken], self.scale[taken])

    def serve(self, slot: int, scale: float) -> None:
        """Begins to adapt this layer for a slot, or ends it with a scale of 0."""
        self.scale[slot] = scale
        (self.served.add if scale else self.served.discard)(slot)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Returns the base's output with every slot's own change.

        Args:
            x: (slots * rows, sequence, d_in).

        Returns:
            (slots * rows, sequence, d_out).
        """
        a, b, scale = self._shown or (self.a, self.b, self.scale)
        out = self._frozen(x, len(a))
        slots = x.reshape(len(a), -1, x.shape[-1]).to(a.dtype)  # (slots, rows * sequence, d_in)
        low = torch.bmm(self._masks.drop(slots, self.served) if self._shown is None else slots, a.mT)
        delta = torch.bmm(low * scale[:, None, None].to(low.dtype), b.mT)
        return (out + delta.reshape(out.shape)).to(out.dtype)

    def _frozen(self, x: torch.Tensor, slots: int) -> torch.Tensor:
        """Returns the base's output, slot by slot where a row's output depends on the rows beside it.

        LLM.int8 takes the columns that hold an outlier anywhere in its input out of the product (Dettmers et al. 2022).
        """
        if not isinstance(self.base, Linear8bitLt):
            return torch.as_tensor(self.base(x))
        return torch.cat([self.base(part) for part in x.chunk(slots)])
