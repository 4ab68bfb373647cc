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
    """What slots take their next step with: learning rates and weight decays, float64, both of shape (due slots,)."""

    rates: torch.Tensor
    decays: torch.Tensor


def clip(gradients: torch.Tensor, norms: torch.Tensor, most: torch.Tensor) -> None:
    """Scales each row's gradient down to its own largest norm, in place.

    Args:
        gradients: (rows, parameters).
        norms: (rows,), what they have.
        most: (rows,), 0 where nothing is clipped (transformers' `max_grad_norm=0`).
    """
    # torch.nn.utils.clip_grads_with_norm_: the 1e-6 and the clamp are its own.
    shares = torch.where(most > 0, (most.to(norms.dtype) / (norms + 1e-6)).clamp(max=1.0), torch.ones_like(norms))
    gradients.mul_(shares[:, None])


def step(weights: torch.Tensor, gradients: torch.Tensor, moments: Moments, rows: torch.Tensor, pace: Pace) -> None:
    """Takes a step of `torch.optim.AdamW` (decoupled decay, no AMSGrad) in some slots, in place.

    Args:
        weights: (slots, parameters).
        gradients: (due slots, parameters).
        moments: The state of all slots.
        rows: The slots that take the step, in order; the others' rows stay as they are, bit for bit.
        pace: Those slots'.
    """
    if len(rows) == len(weights):  # no copies where every slot is due
        _step(weights, gradients, moments, pace)
        return
    taken = weights[rows]
    due = Moments(moments.first[rows], moments.second[rows], moments.steps[rows])
    _step(taken, gradients, due, pace)
    weights[rows] = taken
    moments.first[rows], moments.second[rows], moments.steps[rows] = due.first, due.second, due.steps


def _step(weights: torch.Tensor, gradients: torch.Tensor, moments: Moments, pace: Pace) -> None:
    moments.steps += 1
    counts, kind = moments.steps.double(), weights.dtype
    size = (pace.rates / (1 - BETAS[0] ** counts)).to(kind)[:, None]
    correction = (1 - BETAS[1] ** counts).sqrt().to(kind)[:, None]
    weights.mul_((1 - pace.rates * pace.decays).to(kind)[:, None])
    moments.first.lerp_(gradients, 1 - BETAS[0])
    moments.second.mul_(BETAS[1]).addcmul_(gradients, gradients, value=1 - BETAS[1])
    weights.sub_((moments.first / (moments.second.sqrt() / correction).add_(EPSILON)).mul_(size))
