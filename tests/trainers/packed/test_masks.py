"""Dropout of slots."""

from __future__ import annotations

import pytest
import torch

from trainers.packed.masks import Masks


def masks(*rates: float, seed: int = 0) -> Masks:
    made = Masks(len(rates), torch.device("cpu"))
    made.rates = list(rates)
    for slot, generator in enumerate(made.generators):
        generator.manual_seed(seed + slot)
    return made


@pytest.mark.parametrize("rate", [0.05, 0.1, 0.5, 0.9])
def test_a_slot_drops_its_share_and_keeps_the_mean(rate: float) -> None:
    x = torch.ones(2, 500, 1001)  # a number of values that four does not divide
    dropped = masks(rate, 0.0).drop(x, {0, 1})
    assert torch.equal(dropped[1], x[1])
    share = (dropped[0] == 0).double().mean().item()
    assert share == pytest.approx(rate, abs=4 * (rate * (1 - rate) / x[0].numel()) ** 0.5)
    assert dropped[0].unique().tolist() == pytest.approx([0.0, 1 / (1 - rate)], rel=1e-3)
    assert dropped[0].mean().item() == pytest.approx(1, abs=4 * (rate / (1 - rate) / x[0].numel()) ** 0.5)
    flat = dropped[0].flatten()
    for part in (flat[0::4], flat[1::4], flat[2::4], flat[3::4]):
        assert (part == 0).double().mean().item() == pytest.approx(rate, abs=0.01)  # every lane of a word


def test_draws_are_a_slots_own() -> None:
    x = torch.randn(3, 20, 8)
    drawn = masks(0.3, 0.0, 0.3).drop(x, {0, 2})
    alone = masks(0.3, 0.0, 0.0).drop(x, {0, 1, 2})
    assert torch.equal(drawn[0], alone[0]) and not torch.equal(drawn[0] == 0, drawn[2] == 0)
    some = masks(0.3, 0.3, 0.3)
    before = some.generators[1].get_state()
    assert torch.equal(some.drop(x, {0, 2}), drawn)
    assert torch.equal(some.generators[1].get_state(), before)  # it does not adapt this layer: it draws nothing


def test_two_passes_draw_anew_and_a_state_draws_again() -> None:
    x = torch.ones(1, 100, 10)
    some = masks(0.5)
    state = some.generators[0].get_state()
    first, second = some.drop(x, {0}), some.drop(x, {0})
    assert not torch.equal(first, second)
    some.generators[0].set_state(state)
    assert torch.equal(some.drop(x, {0}), first)


def test_without_dropout_nothing_is_computed() -> None:
    x = torch.ones(2, 3, 4)
    assert masks(0.0, 0.0).drop(x, {0, 1}) is x and masks(0.2, 0.2).drop(x, set()) is x
