"""What a base model is made of, known from its files' headers: nothing is loaded."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

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

_WIDTHS = ("hidden_size", "n_embd", "d_model", "head_dim", "sliding_window")
_HEADS = ("num_attention_heads", "n_head", "num_heads", "num_key_value_heads")
_NUMBERS = frozenset((*_WIDTHS, *_HEADS))
"""Entries of a configuration that are reckoned with: one that is no size, as a list per layer, is as none."""


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
        The facts; None where files are not here, are no safetensors, whoever made them, or are quantized already:
        such files keep codes and scales, not the layers' shapes.
    """
    folder = model_folder(model)
    try:
        config = dict(_json(_opened(folder / "config.json")))
        shapes = {name: shape for file in _files(folder) for name, shape in _header(file).items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, struct.error):
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
    text = {key: value for key, value in text.items() if key not in _NUMBERS or _is_size(value)}
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
    return sorted({folder / str(shard) for shard in _json(_opened(index))["weight_map"].values()})


def _header(file: Path) -> dict[str, tuple[int, ...]]:
    """Reads a header: its length in eight bytes, then JSON (the safetensors format)."""
    with _opened(file) as opened:
        (length,) = struct.unpack("<Q", opened.read(8))
        header = json.loads(opened.read(length)) if length <= _LONGEST else {}
    return {name: _shape(entry["shape"]) for name, entry in header.items() if name != "__metadata__"}


_LONGEST = 100_000_000  # bytes (safetensors: MAX_HEADER_SIZE)


def _shape(sizes: Any) -> tuple[int, ...]:
    if not all(_is_size(size) or size == 0 for size in sizes):
        raise ValueError
    return tuple(sizes)


def _is_size(value: Any) -> bool:
    return isinstance(value, int) and 0 < value < _BEYOND


_BEYOND = 2**40  # no tensor is as long: a file that says so is broken


def _json(opened: IO[bytes]) -> Any:
    with opened:
        return json.loads(opened.read(_LONGEST))


def _opened(file: Path) -> IO[bytes]:
    """Opens a regular file: reading anything else might not end."""
    if not file.is_file():
        raise FileNotFoundError(file)
    return file.open("rb")
