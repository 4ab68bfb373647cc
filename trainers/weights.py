"""What a base model's weights need at least, read from its files' headers without loading it."""

from __future__ import annotations

import json
import math
import struct
from pathlib import Path

from trainers import bundled, hub
from trainers.trial import Model, Quantization

_QUANTIZED_BYTES = {"int8": 1.0, "nf4": 0.5}
"""Per weight of a linear layer; everything else keeps the model's own type."""


def least_gib(model: Model, quantization: Quantization) -> float | None:
    """Returns the GiB that the weights alone take, None where no files are at hand yet.

    Args:
        model: A local folder, or a hub id that was downloaded before.
        quantization: Linear layers shrink; embeddings, the head and norms do not.
    """
    files = _files(model)
    if not files:
        return None
    shapes = [(name, shape) for file in files for name, shape in _shapes(file)]
    per_weight = 4.0 if model.dtype == "float32" else 2.0
    linear = _QUANTIZED_BYTES.get(quantization.name, per_weight)
    return sum(math.prod(shape) * (linear if _is_linear(name, shape) else per_weight) for name, shape in shapes) / 2**30


def _is_linear(name: str, shape: list[int]) -> bool:
    return len(shape) == 2 and "embed" not in name and "lm_head" not in name


def _files(model: Model) -> list[Path]:
    if bundled.is_bundled(model.path):
        return []
    folder = Path(model.path)
    if hub.is_id(model.path):
        from huggingface_hub import try_to_load_from_cache

        found = try_to_load_from_cache(model.path, "config.json", revision=model.revision)
        folder = Path(found).parent if isinstance(found, str) else folder
    return sorted(folder.glob("*.safetensors"))


def _shapes(file: Path) -> list[tuple[str, list[int]]]:
    """Reads the header: its length in eight bytes, then JSON (the safetensors format)."""
    with file.open("rb") as opened:
        (length,) = struct.unpack("<Q", opened.read(8))
        header = json.loads(opened.read(length))
    return [(name, entry["shape"]) for name, entry in header.items() if name != "__metadata__"]
