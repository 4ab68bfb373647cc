"""Scenes that nobody has to compute: a Llama's shapes without a Llama."""

from __future__ import annotations

from typing import Any

from sweeper.facts import Facts
from sweeper.lengths import Lengths
from sweeper.model_facts import ModelFacts, facts_of
from sweeper.scene import Hardware, Scene
from trainers.trial import Data, Lora, Model, Quantization, Training, TrialConfig

CONFIG = {
    "model_type": "llama",
    "hidden_size": 2048,
    "intermediate_size": 8192,
    "num_hidden_layers": 16,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "head_dim": 64,
    "tie_word_embeddings": True,
}
"""Llama-3.2-1B's numbers."""


def llama(*, biases: tuple[str, ...] = (), **own: Any) -> ModelFacts:
    """A model of those numbers; `biases` are the layers that have one."""
    config = {**CONFIG, **own}
    d, f, kv = config["hidden_size"], config["intermediate_size"], config["num_key_value_heads"] * config["head_dim"]
    linear = {
        **{f"self_attn.{name}_proj": (size, d) for name, size in (("q", d), ("k", kv), ("v", kv), ("o", d))},
        **{f"mlp.{name}_proj": (f, d) for name in ("gate", "up")},
        "mlp.down_proj": (d, f),
    }
    shapes: dict[str, tuple[int, ...]] = {"model.embed_tokens.weight": (128_256, d), "model.norm.weight": (d,)}
    for layer in range(config["num_hidden_layers"]):
        prefix = f"model.layers.{layer}"
        shapes |= {f"{prefix}.{name}.weight": shape for name, shape in linear.items()}
        shapes |= {f"{prefix}.{name}.bias": shape[:1] for name, shape in linear.items() if name.endswith(biases)}
        shapes |= {f"{prefix}.{name}.weight": (d,) for name in ("input_layernorm", "post_attention_layernorm")}
    facts = facts_of(shapes, config)
    assert facts is not None
    return facts


def scene(
    *,
    model: ModelFacts | None = None,
    hardware: Hardware | None = None,
    longest: int = 512,
    completion: int | None = 64,
    quantization: str = "none",
    labels: tuple[tuple[str, int], ...] = (),
    **own: Any,
) -> Scene:
    """A scene; what is not named goes to `lora` and `training`."""
    lora = {"r": 16, "alpha": 32} | {name: own.pop(name) for name in list(own) if name in Lora.__dataclass_fields__}
    config = TrialConfig(
        Model("m", "m"),
        Quantization(quantization),  # type: ignore[arg-type]
        Lora(**lora),
        Data("d", "d"),
        Training(**{"learning_rate": 2e-4} | own),
    )
    tokens = Lengths(longest / 2, longest // 2, longest, longest, longest, "made up", longest_completion=completion)
    facts = Facts(rows=1000, effective_rows=1000, tokens=tokens, labels=labels)
    return Scene(config, facts, 1000, hardware or Hardware("cpu"), model or llama())
