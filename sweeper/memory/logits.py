"""Bytes of the logits and the loss."""

from __future__ import annotations

import math

from sweeper.memory.anatomy import hidden
from sweeper.memory.precision import Precision
from sweeper.memory.rows import Batch
from sweeper.model_facts import ModelFacts, is_embedding, is_head
from trainers.trial import TrialConfig

TOKEN_TILE, VOCABULARY_TILE = 4096, 32_768
"""A tile of TRL 1.16's fused head (`trl.kernels.chunked_logprob`, `trl.trainer.utils`)."""

_FOLDED_IN_TORCH = 29
"""Bytes per number of a tile, besides it, where torch folds it: seven of float32 and a mask (`_backward_tile`)."""


def logits_bytes(
    config: TrialConfig, model: ModelFacts, batch: Batch, precision: Precision, *, is_fused: bool
) -> float:
    """Returns the bytes that the loss needs when all activations are there.

    Args:
        config: The trial.
        model: Its base.
        batch: The micro-batch.
        precision: Bytes of a number.
        is_fused: Whether TRL's fused head computes the usual loss, on a GPU and for packed rows; else, and for any
            other loss, `trainers.completion`.
    """
    words = vocabulary(model)
    predicted = batch.rows * batch.predicted
    smoothed = config.training.label_smoothing_factor > 0
    if smoothed or config.data.class_balance == "weights" or not is_fused:
        return _whole(predicted, batch.tokens if batch.predicted == batch.length else predicted, words, precision)
    return _fused(predicted if precision.is_mixed else batch.tokens, words, hidden(model.config), precision)


def vocabulary(model: ModelFacts) -> int:
    """Returns how many words the head tells apart: the longest side of the largest table."""
    tables = [
        shape for name, shape in model.shapes.items() if (is_embedding(name) or is_head(name)) and len(shape) == 2
    ]
    return max(tables, key=math.prod, default=(0,))[0]


def _fused(scored: int, words: int, width: int, precision: Precision) -> float:
    """Returns the bytes of TRL's fused head, which scores prompts, too, where Triton does not run.

    Its buffer is as wide as a tile may be, however few the words are; hidden states get a gradient in float32.
    """
    rows = min(scored, TOKEN_TILE)
    folded = 0 if precision.is_mixed else _FOLDED_IN_TORCH * rows * min(words, VOCABULARY_TILE)
    cast = precision.compute * min(words, VOCABULARY_TILE) * width if precision.compute < precision.base else 0
    return float(precision.compute * rows * VOCABULARY_TILE + folded + cast + 4 * scored * width)


def _whole(counted: int, projected: int, words: int, precision: Precision) -> float:
    """Returns the bytes of whole logits.

    The loss keeps the logarithms of the probabilities; on the way back two gradients stand beside them, and then the
    logits' own beside its copy at every projected position (`cross_entropy`, `index_put`).
    """
    return float(words * max(12 * counted, 4 * counted + precision.base * projected))
