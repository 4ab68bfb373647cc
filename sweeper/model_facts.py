"""What a base model is made of, known from its files' headers: nothing is loaded."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sweeper.model_folder import model_folder
from trainers.trial import Model

_PREFIXES = {"gpt2": "transformer.", "bloom": "transformer."}
"""Under which a causal model holds what older checkpoints name without it (`base_model_prefix` in transformers)."""

_MOVED = (("language_model.model.", "model.language_model."), ("language_model.lm_head.", "lm_head."))
"""Older multimodal checkpoints' names and transformers 5's (`transformers.conversion_mapping`)."""

_EMBEDDING = ("embed", "wte", "wpe")
_HEAD = ("lm_head", "output_layer", "embed_out")
_EXPERTS = ".experts."
_TRANSPOSED = "gpt2"  # its Conv1D keeps weights as (d_in, d_out)


@dataclass(frozen=True)
class ModelFacts:
    """A base model's parameters and configuration.

    `shapes` are those of all parameters by name, `config` is the text model's part of `config.json`; `linear` are the
    linear layers by module name, each `(d_out, d_in)`, the output layer (`lm_head`) not among them.
    """

    shapes: Mapping[str, tuple[int, ...]]
    config: Mapping[str, Any]
    linear: Mapping[str, tuple[int, int]]


def read(model: Model) -> ModelFacts | None:
    """Reads a model's configuration and its weights' headers.

    Args:
        model: A folder, a hub id whose files were downloaded before, or the bundled model.

    Returns:
        The facts; None where files are not here, are no safetensors, or are quantized already: such files keep codes
        and scales, not the layers' shapes.
    """
    folder = model_folder(model)
    try:
        config = json.loads((folder / "config.json").read_text())
        shapes = {name: shape for file in _files(folder) for name, shape in _header(file).items()}
    except (OSError, ValueError, KeyError, TypeError, struct.error):
        return None  # other checks say what is wrong with a model's files
    return facts_of(shapes, config) if shapes else None


def facts_of(shapes: Mapping[str, tuple[int, ...]], config: Mapping[str, Any]) -> ModelFacts | None:
    """Returns the facts of a checkpoint, None for one that is quantized.

    Args:
        shapes: As its headers tell.
        config: The whole of its config.json.
    """
    if "quantization_config" in config:
        return None
    text = {**config, **config["text_config"]} if isinstance(config.get("text_config"), Mapping) else dict(config)
    named = {_module_name(name, str(text.get("model_type"))): shape for name, shape in shapes.items()}
    if text.get("tie_word_embeddings", False):
        named = {name: shape for name, shape in named.items() if not is_head(name)}
    flip = text.get("model_type") == _TRANSPOSED
    linear = {
        name.removesuffix(".weight"): (shape[1], shape[0]) if flip else (shape[0], shape[1])
        for name, shape in named.items()
        if _is_linear(name, shape)
    }
    return ModelFacts(named, text, linear)


def is_head(name: str) -> bool:
    """True for the parameters of the layer that gives the logits."""
    return any(part in _HEAD for part in name.split("."))


def is_embedding(name: str) -> bool:
    """True for a table that is looked up."""
    return any(part in name for part in _EMBEDDING) and not is_head(name)


def _is_linear(name: str, shape: tuple[int, ...]) -> bool:
    """Tells a linear layer; a mixture's router and experts are parameters, not layers, in transformers 5."""
    other = is_head(name) or is_embedding(name) or _EXPERTS in name or name.endswith((".gate.weight", ".router.weight"))
    return len(shape) == 2 and name.endswith(".weight") and not other


def _module_name(name: str, model_type: str) -> str:
    for old, new in _MOVED:
        if name.startswith(old):
            return new + name.removeprefix(old)
    prefix = _PREFIXES.get(model_type, "")
    return name if name.startswith(prefix) or is_head(name) else prefix + name


def _files(folder: Path) -> list[Path]:
    """Returns the files with weights: those that an index names, else the only one there is."""
    index = folder / "model.safetensors.index.json"
    if not index.is_file():
        return [folder / "model.safetensors"]
    return sorted({folder / str(shard) for shard in json.loads(index.read_text())["weight_map"].values()})


def _header(file: Path) -> dict[str, tuple[int, ...]]:
    """Reads a header: its length in eight bytes, then JSON (the safetensors format)."""
    with file.open("rb") as opened:
        (length,) = struct.unpack("<Q", opened.read(8))
        header = json.loads(opened.read(length))
    return {name: tuple(entry["shape"]) for name, entry in header.items() if name != "__metadata__"}
