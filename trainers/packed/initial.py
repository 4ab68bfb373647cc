"""A fresh adapter's weights, drawn as PEFT draws them for the same seed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import torch
import transformers

Shape = tuple[int, int]


def weights(shapes: Sequence[Shape], r: int, seed: int) -> Iterator[torch.Tensor]:
    """Draws A of each adapted module; B begins at zero.

    PEFT makes, module by module in the order of `named_modules`, a linear layer for A and one for B, which draw their
    own weights, and then draws A again (peft.tuners.lora.layer.LoraLayer.update_layer, reset_lora_parameters).

    Args:
        shapes: (d_in, d_out) of the adapted modules in that order.
        r: The rank.
        seed: The trial's.

    Yields:
        (r, d_in) for each module.
    """
    transformers.set_seed(seed)
    for d_in, d_out in shapes:
        torch.nn.Linear(d_in, r, bias=False)
        torch.nn.Linear(r, d_out, bias=False)
        a = torch.empty(r, d_in)
        torch.nn.init.kaiming_uniform_(a, a=math.sqrt(5))
        yield a
