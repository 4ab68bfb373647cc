"""AdamW over all slots at once: one row of a matrix per slot, each with its own rate, decay and count of steps."""

from __future__ import annotations

from dataclasses import dataclass

import torch

BETAS = (0.9, 0.999)  # transformers.TrainingArguments' adam_beta1 and adam_beta2
EPSILON = 1e-8  # and adam_epsilon


@dataclass
class Moments:
    """The state: `first` and `second` of shape (slots, parameters), `steps` of shape (slots,)."""

    first: torch.Tensor
    second: torch.Tensor
    steps: torch.Tensor

    @classmethod
    def like(cls, weights: torch.Tensor) -> Moments:
        """Returns the state before the first step."""
        steps = torch.zeros(len(weights), dtype=torch.int64, device=weights.device)
        return cls(torch.zeros_like(weights), torch.zeros_like(weights), steps)


@dataclass(frozen=True)
class Pace:
    """What each slot's next step is taken with: learning rates and weight decays, both of shape (slots,)."""

    rates: torch.Tensor
    decays: torch.Tensor


def clip(gradients: torch.Tensor, most: torch.Tensor) -> torch.Tensor:
    """Scales each slot's gradient down to its own largest norm, in place.

    Args:
        gradients: (slots, parameters).
        most: (slots,), 0 where nothing is clipped (transformers' `max_grad_norm=0`).

    Returns:
        The norms before, of shape (slots,).
    """
    norms = torch.linalg.vector_norm(gradients, dim=1)
    # torch.nn.utils.clip_grads_with_norm_: the 1e-6 and the clamp are its own.
    shares = torch.where(most > 0, (most / (norms + 1e-6)).clamp(max=1.0), torch.ones_like(norms))
    gradients.mul_(shares[:, None])
    return norms


def step(
    weights: torch.Tensor,
    gradients: torch.Tensor,
    moments: Moments,
    pace: Pace,
    due: torch.Tensor,
) -> None:
    """Takes a step of `torch.optim.AdamW` (decoupled decay, no AMSGrad) for the slots that are due, in place.

    Args:
        weights: (slots, parameters).
        gradients: The same shape.
        moments: The state.
        pace: Each slot's.
        due: (slots,), True for the slots that take the step; the others' rows stay as they are, bit for bit.
    """
    rows = due.nonzero()[:, 0]
    if not len(rows):
        return
    moments.steps[rows] += 1
    counts = moments.steps[rows].double()
    gradient, rate = gradients[rows], pace.rates[rows].double()
    first = moments.first[rows].lerp(gradient, 1 - BETAS[0])
    second = moments.second[rows].mul(BETAS[1]).addcmul(gradient, gradient, value=1 - BETAS[1])
    moments.first[rows], moments.second[rows] = first, second
    size = (rate / (1 - BETAS[0] ** counts)).to(weights.dtype)[:, None]
    correction = (1 - BETAS[1] ** counts).sqrt().to(weights.dtype)[:, None]
    shrunk = weights[rows] * (1 - rate * pace.decays[rows].double()).to(weights.dtype)[:, None]
    weights[rows] = shrunk - size * (first / (second.sqrt() / correction + EPSILON))
