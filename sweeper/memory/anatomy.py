"""The parts of a transformer that decide what a training step keeps."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sweeper.model_facts import ModelFacts

_OUT = ("o_proj", "out_proj", "down_proj", "c_proj", "dense", "dense_4h_to_h", "fc2", "w2", "wo")
"""Linear layers whose input is theirs alone; the others of a block (q, k and v; gate and up) share one."""

_OTHER_SENSES = ("vision", "audio", "multi_modal")
"""Towers that rows of text never reach."""


@dataclass(frozen=True)
class Attention:
    """Heads, and which layers look back through a window: `windows` has a layer's tokens, None for all of them."""

    heads: int
    kv_heads: int
    head_dim: int
    window: int | None = None

    @property
    def width(self) -> int:
        """Numbers per token in the queries, and in what attention gives."""
        return self.heads * self.head_dim

    @property
    def kv_width(self) -> int:
        """Numbers per token in the keys, and in the values."""
        return self.kv_heads * self.head_dim


@dataclass(frozen=True)
class Block:
    """Linear layers with one parent, by name: those that share an input, and the one that gives the output."""

    shared: Mapping[str, tuple[int, int]]
    out: Mapping[str, tuple[int, int]]

    @property
    def inner(self) -> int:
        """Numbers per token that go into the output layer."""
        return max((shape[1] for shape in self.out.values()), default=0)

    @property
    def is_gated(self) -> bool:
        """True where one half of the inner numbers is multiplied with the other: SwiGLU, GeGLU (Shazeer 2020)."""
        return sum(shape[0] for shape in self.shared.values()) >= 2 * self.inner


@dataclass(frozen=True)
class Layer:
    """One layer: `normed` are the numbers per token that go through its norms."""

    attention: Block
    mlp: Block
    normed: int
    heads: Attention


def layers(model: ModelFacts) -> list[Layer]:
    """Returns a text model's layers."""
    grouped: dict[str, dict[str, tuple[int, int]]] = {}
    for name, shape in model.linear.items():
        found = _LAYER.match(name)
        if found and not any(word in name for word in _OTHER_SENSES):
            grouped.setdefault(found[1], {})[name] = shape
    norms = _norms(model)
    return [
        _layer(model, norms.get(prefix, []), place, linear) for place, (prefix, linear) in enumerate(grouped.items())
    ]


_LAYER = re.compile(r"(.*?\.\d+)\.")

_Norm = tuple[str, int]
"""A norm's own name, and its size."""


def _layer(model: ModelFacts, norms: Sequence[_Norm], place: int, linear: Mapping[str, tuple[int, int]]) -> Layer:
    attention = {name: shape for name, shape in linear.items() if _is_attention(name)}
    mlp = {name: shape for name, shape in linear.items() if name not in attention}
    heads = _attention(model.config, place)
    return Layer(_block(attention), _block(mlp), _normed(norms, heads), heads)


def _is_attention(name: str) -> bool:
    return "att" in name.rpartition(".")[0]


def _block(linear: Mapping[str, tuple[int, int]]) -> Block:
    out = {name: shape for name, shape in linear.items() if name.rpartition(".")[2] in _OUT}
    return Block({name: shape for name, shape in linear.items() if name not in out}, out)


def _norms(model: ModelFacts) -> dict[str, list[_Norm]]:
    """Returns the norms of each layer by its prefix, in one pass: a model may have thousands of parameters."""
    found: dict[str, list[_Norm]] = {}
    for name, shape in model.shapes.items():
        layer = _LAYER.match(name)
        if layer and name.endswith(".weight") and len(shape) == 1:
            found.setdefault(layer[1], []).append((name.split(".")[-2], shape[0]))
    return found


def _normed(norms: Sequence[_Norm], heads: Attention) -> int:
    of_heads = {"q_norm": heads.width, "k_norm": heads.kv_width}  # once per head
    return sum(of_heads.get(name, size) for name, size in norms)


def _attention(config: Mapping[str, Any], place: int) -> Attention:
    heads = int(_first(config, "num_attention_heads", "n_head", "num_heads") or 1)
    kv_heads = int(config.get("num_key_value_heads") or heads)
    head_dim = int(config.get("head_dim") or hidden(config) // heads)
    return Attention(heads, kv_heads, head_dim, _window(config, place))


def _window(config: Mapping[str, Any], place: int) -> int | None:
    kinds = config.get("layer_types")
    slides = isinstance(kinds, Sequence) and place < len(kinds) and "sliding" in str(kinds[place])
    return int(config["sliding_window"]) if slides and config.get("sliding_window") else None


def hidden(config: Mapping[str, Any]) -> int:
    """Returns the width of what passes from layer to layer."""
    return int(_first(config, "hidden_size", "n_embd", "d_model") or 0)


def _first(config: Mapping[str, Any], *names: str) -> Any:
    return next((config[name] for name in names if config.get(name)), None)
