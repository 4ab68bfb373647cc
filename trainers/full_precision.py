"""A base model's weights as its files hold them, one at a time: a second whole model need not fit beside the first."""

from __future__ import annotations

import contextlib
import functools
import json
from collections.abc import Mapping
from pathlib import Path

import torch
import transformers
from safetensors import safe_open
from transformers.utils import cached_file

from trainers import base_model
from trainers.trial import Model

_INDEX, _WHOLE = "model.safetensors.index.json", "model.safetensors"


class FullPrecision:
    """Reads single weights from safetensors files; any other model is loaded as a whole into the CPU's memory."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._files = _files(model)

    def weight(self, name: str) -> torch.Tensor | None:
        """Returns a tensor on the CPU, None where the model has none of that name.

        Args:
            name: Its name in the model, as `model.layers.0.self_attn.q_proj.weight`.
        """
        if name not in self._files:  # no safetensors, or a model whose files use other names than its class
            return self._loaded.get(name)
        with safe_open(self._files[name], framework="pt") as file:
            tensor: torch.Tensor = file.get_tensor(name)
        return tensor

    @functools.cached_property
    def _loaded(self) -> Mapping[str, torch.Tensor]:
        path, source = base_model.path_of(self._model), base_model.source_of(self._model)
        model = transformers.AutoModelForCausalLM.from_pretrained(path, **source, dtype="auto", use_safetensors=True)
        state: Mapping[str, torch.Tensor] = model.state_dict()
        return state


def _files(model: Model) -> dict[str, Path]:
    """Returns the file of every tensor; nothing where the model's files are not safetensors."""
    if index := _file(model, _INDEX):
        names = json.loads(index.read_text())["weight_map"]
        files = {name: _file(model, name) for name in set(names.values())}
        return {name: found for name, file in names.items() if (found := files[file]) is not None}
    if (whole := _file(model, _WHOLE)) is None:
        return {}
    with safe_open(whole, framework="pt") as file:
        return dict.fromkeys(file.keys(), whole)


def _file(model: Model, name: str) -> Path | None:
    with contextlib.suppress(OSError):  # there is no such file
        found = cached_file(base_model.path_of(model), name, revision=model.revision or "main")
        return Path(found) if found else None
    return None
