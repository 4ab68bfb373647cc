"""AdamW over slots is torch's, slot by slot."""

from __future__ import annotations

import pytest
import torch

from trainers.packed.adamw import Moments, Pace, clip, step


def test_every_row_is_torchs_optimizer() -> None:
    torch.manual_seed(0)
    start, rates, decays = torch.randn(3, 40), [1e-3, 1e-2, 3e-3], [0.0, 0.1, 0.01]
    alone = [torch.nn.Parameter(row.clone()) for row in start]
    optimizers = [
        torch.optim.AdamW([parameter], lr=rate, weight_decay=decay)
        for parameter, rate, decay in zip(alone, rates, decays, strict=True)
    ]
    weights, moments = start.clone(), Moments.like(start)
    for _ in range(25):
        gradients = torch.randn(3, 40)
        for parameter, gradient, optimizer in zip(alone, gradients, optimizers, strict=True):
            parameter.grad = gradient.clone()
            optimizer.step()
        step(
            weights,
            gradients,
            moments,
            torch.arange(3),
            Pace(torch.tensor(rates, dtype=torch.float64), torch.tensor(decays, dtype=torch.float64)),
        )
    assert torch.allclose(weights, torch.stack([parameter.data for parameter in alone]), rtol=1e-5, atol=1e-7)


def test_slots_that_are_not_due_stay_bit_for_bit() -> None:
    weights, moments = torch.randn(2, 8), Moments.like(torch.zeros(2, 8))
    before = weights.clone()
    some = torch.tensor([0.1], dtype=torch.float64)
    step(weights, torch.ones(1, 8), moments, torch.tensor([0]), Pace(some, some))
    assert torch.equal(weights[1], before[1]) and not torch.equal(weights[0], before[0])
    assert moments.steps.tolist() == [1, 0] and not moments.first[1].any()


def test_some_slots_step_as_all_do() -> None:
    start, gradients = torch.randn(3, 64), torch.randn(3, 64)
    pace = Pace(torch.full((3,), 0.01, dtype=torch.float64), torch.full((3,), 0.1, dtype=torch.float64))
    together, alone = start.clone(), start.clone()
    step(together, gradients, Moments.like(start), torch.arange(3), pace)
    moments = Moments.like(start)
    for slot in range(3):
        row = torch.tensor([slot])
        step(alone, gradients[row], moments, row, Pace(pace.rates[row], pace.decays[row]))
    assert torch.equal(together, alone)


def test_gradients_are_clipped_slot_by_slot() -> None:
    gradients = torch.tensor([[3.0, 4.0], [0.3, 0.4], [30.0, 40.0]])
    clip(gradients, torch.tensor([5.0, 0.5, 50.0]), torch.tensor([1.0, 1.0, 0.0], dtype=torch.float64))
    assert gradients[0].norm() == pytest.approx(1.0, abs=1e-5)
    assert gradients[1].tolist() == pytest.approx([0.3, 0.4]) and gradients[2].tolist() == [30.0, 40.0]
