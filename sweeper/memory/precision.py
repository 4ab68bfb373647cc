"""How many bytes a number takes, where in a trial."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from trainers.trial import TrialConfig

Kind = Literal["cpu", "cuda"]

BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}


@dataclass(frozen=True)
class Precision:
    """Bytes of a number: `base` in the frozen model, `adapter` in LoRA's matrices, `compute` in what a layer gives.

    `is_mixed` is True where autocast decides what a layer computes in: on a GPU (`trainers.arguments.sft_config`).
    """

    base: int
    adapter: int
    compute: int
    is_mixed: bool


def precision_of(config: TrialConfig, kind: Kind) -> Precision:
    """Returns a trial's precision; `model.dtype=auto` is float32 on a CPU and two bytes on a GPU (`base_model`)."""
    base = BYTES.get(config.model.dtype, 4 if kind == "cpu" else 2)
    is_mixed = kind == "cuda"
    return Precision(base, BYTES[config.lora.dtype], 2 if is_mixed else base, is_mixed)
