"""Bytes of what autograd keeps of a forward pass for the backward pass through a frozen base with LoRA.

A frozen linear layer keeps nothing of its input: only its weight's gradient would need it (`torch.nn.functional.linear`
in derivatives.yaml). What is kept was read from transformers' Llama, Qwen3 and Gemma3, PEFT's `lora.Linear` and
bitsandbytes' `MatMul8bitLt`, and compared with the tensors that autograd saves (tests/sweeper/test_memory_estimate.py).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sweeper.memory.anatomy import Block, Layer, hidden, layers
from sweeper.memory.precision import Precision
from sweeper.memory.rows import Batch
from sweeper.model_facts import ModelFacts
from trainers.trial import TrialConfig


@dataclass(frozen=True)
class Kept:
    """Bytes: `saved` till the backward pass begins, `working` more while it goes through the last layer."""

    saved: float
    working: float


@dataclass(frozen=True)
class _Pass:
    """What a pass through any layer depends on."""

    config: TrialConfig
    batch: Batch
    precision: Precision
    targets: Collection[str]
    is_eager: bool
    has_kernel: bool


def kept(config: TrialConfig, model: ModelFacts, batch: Batch, precision: Precision, targets: Collection[str]) -> Kept:
    """Returns what a micro-batch keeps.

    With `training.activation_checkpointing` that is every layer's input, and all of one layer that is computed again
    (Chen et al. 2016; `GradientCheckpointingLayer`).

    Args:
        config: The trial.
        model: Its base.
        batch: The micro-batch.
        precision: Bytes of a number.
        targets: The modules with an adapter.
    """
    attention = config.model.attn_implementation
    passing = _Pass(config, batch, precision, targets, is_eager(config, model), "flash" in str(attention))
    found = layers(model)
    each = [_layer(passing, layer, model.config) for layer in found]
    working = max((_working(passing, layer) for layer in found), default=0.0) + _dequantized(config, model, precision)
    if not config.training.activation_checkpointing:
        return Kept(sum(each) + _casts(passing, model), working)
    stream = batch.tokens * hidden(model.config)
    inputs = len(found) * stream * precision.base + 4 * stream  # the last norm's, which no layer holds
    return Kept(inputs + _casts(passing, model), max(each, default=0.0) + working)


def is_eager(config: TrialConfig, model: ModelFacts) -> bool:
    """True where attention lays out all its scores: where asked to, and for models with capped scores or ALiBi."""
    asked = config.model.attn_implementation
    capped = model.config.get("attn_logit_softcapping") is not None
    return asked == "eager" or (asked is None and (capped or model.config.get("model_type") == "bloom"))


def _layer(passing: _Pass, layer: Layer, config: Mapping[str, Any]) -> float:
    """Returns a layer's bytes; norms keep their input as float32 (`LlamaRMSNorm`)."""
    tokens = passing.batch.tokens
    mlp = _mlp(passing, layer.mlp) if layer.mlp.out else _experts(passing, config)
    return 4 * tokens * layer.normed + _attention(passing, layer) + tokens * mlp


def _attention(passing: _Pass, layer: Layer) -> float:
    """Returns the bytes of attention and its linear layers.

    Fused attention keeps queries, keys, values, its output and a number per row and head (Dao et al. 2022). With a mask
    keys and values are repeated for every head (`sdpa_attention_forward`), and torch keeps the mask as numbers, rows x
    length x length. Eager attention keeps the probabilities, heads x rows x length x length: beside a bfloat16 copy the
    softmax's float32.
    """
    heads, batch, size = layer.heads, passing.batch, passing.precision.compute
    square = batch.rows * batch.length**2
    is_adapted = any(name in passing.targets for name in layer.attention.out)
    if passing.is_eager:
        probabilities = square * heads.heads * (size + 4 if size < 4 else 4)
        widths = 3 * heads.width + (heads.width if is_adapted and not _is_copied(passing) else 0)
        own = probabilities + batch.tokens * widths * size
    else:
        is_masked = not passing.has_kernel and (batch.has_mask or (heads.window or batch.length) < batch.length)
        widths = 2 * heads.width + 2 * (heads.width if is_masked else heads.kv_width)
        own = batch.tokens * (widths * size + 4 * heads.heads) + (square * size if is_masked else 0)
    return own + batch.tokens * _linear(passing, layer.attention, out_is_kept=True)


def _mlp(passing: _Pass, block: Block) -> float:
    """Returns the bytes per token of an MLP.

    The activation keeps its input; where it gates, the product keeps both factors (silu(gate) x up).
    """
    return block.inner * passing.precision.compute * (3 if block.is_gated else 1) + _linear(passing, block)


def _experts(passing: _Pass, config: Mapping[str, Any]) -> float:
    """Returns the bytes per token of the experts that a token visits: their input, and an MLP's three products."""
    visited = int(config.get("num_experts_per_tok") or 0)
    inner = int(config.get("moe_intermediate_size") or config.get("intermediate_size") or 0)
    return visited * (hidden(config) + 3 * inner) * passing.precision.compute


def _linear(passing: _Pass, block: Block, *, out_is_kept: bool = False) -> float:
    """Returns the bytes per token of a block's linear layers: inputs that an adapter or int8 keeps, and LoRA's branch.

    Args:
        passing: The pass.
        block: The layers.
        out_is_kept: Whether something else keeps the output layer's input.
    """
    size, is_int8 = passing.precision.compute, passing.config.quantization.name == "int8"
    total = 0.0
    for linear, is_free in ((block.shared, False), (block.out, out_is_kept)):
        adapted = [shape for name, shape in linear.items() if name in passing.targets]
        total += sum(_branch(passing, shape) for shape in adapted)
        if linear and not is_free and (is_int8 or (adapted and not _is_copied(passing))):
            total += size * max(shape[1] for shape in linear.values())
    return total


def _is_copied(passing: _Pass) -> bool:
    """True where every adapter keeps an input of its own: dropped out, or in another type than the layer's."""
    return passing.config.lora.dropout > 0 or _is_cast(passing)


def _is_cast(passing: _Pass) -> bool:
    """True where PEFT casts the input: to the adapter's type, which autocast takes back on the way into A.

    Under autocast its layers for bitsandbytes leave that out (`peft.tuners.lora.bnb`).
    """
    if passing.precision.is_mixed:
        return passing.config.quantization.name == "none" and passing.precision.adapter != passing.precision.compute
    return passing.precision.adapter != passing.precision.compute


def _branch(passing: _Pass, shape: tuple[int, int]) -> float:
    """Returns the bytes per token that are one adapter's own: its input's copy and mask, and A's output for B.

    Dropout's mask has the input's type on a CPU, where it is multiplied, and a byte on a GPU (`at::native_dropout`).
    """
    precision = passing.precision
    size = precision.compute if precision.is_mixed else precision.adapter
    total = passing.config.lora.r * size
    if _is_copied(passing):
        total += shape[1] * size
    if passing.config.lora.dropout > 0:
        total += shape[1] * (1 if precision.is_mixed else size)
    if passing.config.lora.kwargs.get("use_dora"):  # the base's output and the branch's, which the magnitude scales
        total += 2 * shape[0] * size
    return float(total)


def _casts(passing: _Pass, model: ModelFacts) -> float:
    """Returns the bytes of weights that autocast casts and autograd keeps: adapters', and a float32 base's."""
    precision = passing.precision
    if not precision.is_mixed:
        return 0.0
    adapters = sum(passing.config.lora.r * sum(model.linear[name]) for name in passing.targets if name in model.linear)
    is_cast = precision.base == 4 and passing.config.quantization.name == "none"
    base = sum(one * other for one, other in model.linear.values()) if is_cast else 0
    return 2.0 * (adapters * (precision.adapter == 4) + base)


def _working(passing: _Pass, layer: Layer) -> float:
    """Returns the bytes that a layer's backward pass needs besides what was saved.

    The widest layer's gradient comes by two ways, the base's and the adapter's, before they are added. Eager attention
    needs two squares, when its layer's MLP is done with.
    """
    batch, precision = passing.batch, passing.precision
    size = precision.compute if precision.is_mixed else max(precision.compute, precision.adapter)
    widest = 2 * size * batch.tokens * max(layer.mlp.inner, layer.attention.inner)
    if not passing.is_eager:
        return float(widest)
    squares = 2 * batch.rows * batch.length**2 * layer.heads.heads * 4
    return max(widest, squares - batch.tokens * (_mlp(passing, layer.mlp) if layer.mlp.out else 0))


def _dequantized(config: TrialConfig, model: ModelFacts, precision: Precision) -> float:
    """Returns the bytes of the largest weight that is expanded to be multiplied (`dequantize_4bit`)."""
    if config.quantization.name == "none":
        return 0.0
    return float(precision.compute * max((one * other for one, other in model.linear.values()), default=0))
