"""The memory of one trial at its peak."""

from __future__ import annotations

import math
from dataclasses import dataclass

from sweeper.memory.activations import is_eager, kept
from sweeper.memory.evaluation import evaluation_bytes
from sweeper.memory.logits import logits_bytes
from sweeper.memory.optimizer import state_bytes
from sweeper.memory.precision import BYTES, Kind, precision_of
from sweeper.memory.rows import batch_of, evaluated
from sweeper.memory.weights import base_bytes
from sweeper.model_facts import ModelFacts
from sweeper.target_matching import HEAD, matched
from trainers.trial import Lora, TrialConfig

_MIB = 1 << 20


@dataclass(frozen=True)
class MemoryEstimate:
    """MiB that a trial alone takes, by part.

    `base` are the frozen weights, `optimizer` its state, `activations` what autograd keeps for the backward pass;
    `logits` and `working` (the backward pass's own gradients) stand beside them at different moments. What a library
    takes for itself, such as a CUDA context, is not counted. `evaluation` comes when activations are gone.
    """

    base: float
    adapters: float
    gradients: float
    optimizer: float
    activations: float
    logits: float
    working: float
    evaluation: float

    @property
    def training(self) -> float:
        """What only training takes: the larger of the two that do not meet counts."""
        return self.gradients + self.activations + max(self.logits, self.working)

    @property
    def mib(self) -> float:
        """The peak: everything that stays, and what training or evaluating takes besides."""
        return self.base + self.adapters + self.optimizer + max(self.training, self.evaluation)


def estimate(
    config: TrialConfig,
    model: ModelFacts,
    length: int,
    kind: Kind,
    *,
    predicted: int | None = None,
    validation_rows: int | None = None,
    answers: int | None = None,
) -> MemoryEstimate:
    """Estimates the peak of a trial: a backward pass begins, or rows are evaluated; the optimizer's state is there.

    Args:
        config: The trial; its micro-batch decides, not its accumulation.
        model: Its base.
        length: Tokens of the longest row, at most `training.max_length`.
        kind: A GPU computes in mixed precision and with TRL's fused head.
        predicted: Tokens in a row's loss, None for all.
        validation_rows: How many rows there are to evaluate, None for `training.per_device_eval_batch_size` of them.
        answers: Tokens of the labels that a pass scores, of which each row's logits are computed; None without labels.
    """
    precision, targets = precision_of(config, kind), matched(config.lora, model)
    batch = batch_of(config, length, predicted if config.training.completion_only_loss else None)
    shapes = adapter_shapes(config.lora, model, targets)
    trained = sum(math.prod(shape) for shape in shapes) * BYTES[config.lora.dtype]
    activations = kept(config, model, batch, precision, set(targets))
    is_fused = kind == "cuda" or config.training.packing
    parts = {
        "base": base_bytes(model, config.quantization, precision.base),
        "adapters": trained,
        "gradients": trained,
        "optimizer": state_bytes(config.training.optim, shapes, precision.adapter),
        "activations": activations.saved,
        "logits": logits_bytes(config, model, batch, precision, is_fused=is_fused),
        "working": activations.working,
        "evaluation": evaluation_bytes(
            model,
            evaluated(config, length, predicted if answers is None else answers, validation_rows),
            precision,
            is_eager=is_eager(config, model),
        ),
    }
    return MemoryEstimate(**{name: size / _MIB for name, size in parts.items()})


def adapter_shapes(lora: Lora, model: ModelFacts, targets: list[str]) -> list[tuple[int, ...]]:
    """Returns the shapes of an adapter's tensors: A is r x d_in, B is d_out x r (Hu et al. 2021)."""
    found: list[tuple[int, ...]] = []
    for name in targets:
        d_out, d_in = model.linear.get(name) or model.shapes.get(f"{name}.weight", (0, 0))[:2]
        if name != HEAD:  # TRL refuses it
            found += [(lora.r, d_in), (d_out, lora.r)]
            found += [(d_out,)] if lora.kwargs.get("use_dora") else []
    return found
