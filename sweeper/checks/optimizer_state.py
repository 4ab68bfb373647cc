"""Eight-bit optimizers whose states stay at 32 bits."""

from __future__ import annotations

import math
from collections.abc import Iterator

from sweeper.finding import Finding
from sweeper.memory.estimate import adapter_shapes
from sweeper.memory.optimizer import SMALLEST_8BIT, is_8bit
from sweeper.scene import Scene
from sweeper.target_matching import matched

_PLAIN = (("lion", "lion_32bit"), ("ademamix", "ademamix"), ("rmsprop", "rmsprop_bnb_32bit"))


def check(scene: Scene) -> Iterator[Finding]:
    """Counts an adapter's tensors that are too small for `training.optim` to keep in eight bits."""
    optim = scene.config.training.optim
    if scene.model is None or not is_8bit(optim):
        return
    lora = scene.config.lora
    sizes = [math.prod(shape) for shape in adapter_shapes(lora, scene.model, matched(lora, scene.model))]
    small = [size for size in sizes if size < SMALLEST_8BIT]
    if not small:
        return
    number = f"{len(small):,} of the adapter's {len(sizes):,} tensors have fewer than {SMALLEST_8BIT:,} numbers"
    rule = "bitsandbytes keeps the states of such tensors at 32 bits: nothing is saved, and nothing is tried out"
    severity, remedy = ("warning", f"training.optim={_plain(optim)}") if len(small) == len(sizes) else ("note", "")
    yield Finding(severity, "training.optim", optim, number, rule, "bitsandbytes, min_8bit_size", remedy)  # type: ignore[arg-type]


def _plain(optim: str) -> str:
    return next((plain for name, plain in _PLAIN if name in optim), "adamw_torch")
