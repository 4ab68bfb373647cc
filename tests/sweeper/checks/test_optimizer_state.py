"""Eight-bit optimizers on tensors that they leave at 32 bits."""

from __future__ import annotations

import pytest
from made_up_scenes import llama, scene

from sweeper.checks.optimizer_state import check
from sweeper.memory.optimizer import state_bytes

SMALL = llama(hidden_size=64, intermediate_size=128, num_attention_heads=4, num_key_value_heads=2, head_dim=16)


def test_tensors_of_4096_numbers_are_quantized() -> None:
    assert list(check(scene(optim="adamw_bnb_8bit", r=8))) == []  # 8 x 512 of the keys' B


def test_an_adapter_of_small_tensors_gains_nothing() -> None:
    (found,) = check(scene(model=SMALL, optim="paged_adamw_8bit", r=8))
    assert found.severity == "warning" and found.number.startswith("224 of the adapter's 224 tensors")
    assert found.remedy == "training.optim=adamw_torch"


def test_some_small_tensors_are_a_note() -> None:
    (found,) = check(scene(optim="adamw_8bit", r=7))
    assert found.severity == "note" and found.number.startswith("32 of the adapter's 224 tensors")


def test_other_optimizers_are_not_asked() -> None:
    assert list(check(scene(model=SMALL, optim="adamw_torch", r=8))) == []


@pytest.mark.parametrize(
    ("optim", "size"),
    [
        ("adamw_torch", 2 * 4 * (4096 + 4000)),
        ("adamw_bnb_8bit", 2 * (4096 + 64 + 4 * 4000)),  # a scale of four bytes for 256 numbers
        ("lion_8bit", 4096 + 64 + 4 * 4000),
        ("sgd", 0),
        ("adafactor", 4 * (16 + 256 + 16 + 250)),
    ],
)
def test_what_an_optimizer_remembers(optim: str, size: int) -> None:
    assert state_bytes(optim, [(16, 256), (16, 250)], 4) == size
