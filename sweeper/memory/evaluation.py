"""Bytes of an evaluation: no gradients, but as a rule many more rows at once than in training."""

from __future__ import annotations

from sweeper.memory.anatomy import Layer, hidden, layers
from sweeper.memory.logits import vocabulary
from sweeper.memory.precision import Precision
from sweeper.memory.rows import Batch
from sweeper.model_facts import ModelFacts


def evaluation_bytes(model: ModelFacts, batch: Batch, precision: Precision, *, is_eager: bool) -> float:
    """Returns the bytes of a pass without gradients, of which one layer lives at a time, and then the logits.

    Args:
        model: The base.
        batch: The rows of an evaluation (`trainers.evaluation`), with all labels' tokens behind each where there are
            labels (`trainers.label_scores`).
        precision: Bytes of a number.
        is_eager: Whether attention's scores are laid out.
    """
    width = hidden(model.config)
    layer = max((_layer(item, width, batch, precision, is_eager=is_eager) for item in layers(model)), default=0.0)
    counted, words = batch.rows * batch.predicted, vocabulary(model)
    # The model's logits, those of counted positions, and their probabilities' logarithms in float32.
    logits = words * counted * (2 * precision.base + 4 * (1 + (precision.base < 4)))
    return max(layer, float(logits))


def _layer(layer: Layer, width: int, batch: Batch, precision: Precision, *, is_eager: bool) -> float:
    """Returns a layer's bytes, of its MLP or of its attention.

    What is looked up, what comes into the layer, what attention added to that and its normed copy wait meanwhile. In a
    gated MLP the first layer's result stands beside the base's, the adapter's and their sum (`lora.Linear`); in
    attention queries, keys and values beside the repeated ones (`eager_attention_forward`).
    """
    size = max(precision.compute, 2 if precision.is_mixed else precision.adapter)
    square, heads = batch.rows * batch.length**2, layer.heads
    mlp = 4 * width + 4 * max(layer.mlp.inner, layer.attention.inner)
    attention = 4 * width + 3 * heads.width + 2 * heads.kv_width
    scores = 2 * 4 * heads.heads * square if is_eager else 0
    allowed = square * batch.has_mask  # a byte each; numbers for fused attention are made of them
    mask = allowed * (precision.compute + (0 if is_eager else 1))
    return float(max(size * batch.tokens * mlp + allowed, size * batch.tokens * attention + scores + mask))
