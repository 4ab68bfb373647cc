"""What a base model is made of, known from its files' headers: nothing is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class ModelFacts:
    """A base model's parameters and configuration.

    `shapes` are those of all parameters by name, `config` is the text model's part of `config.json`; `linear` are the
    linear layers by module name, each `(d_out, d_in)`, the output layer (`lm_head`) not among them.
    """

    shapes: Mapping[str, tuple[int, ...]]
    config: Mapping[str, Any]
    linear: Mapping[str, tuple[int, int]]
