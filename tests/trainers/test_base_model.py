"""Number formats follow the hardware (001, dtype)."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from trainers import base_model
from trainers.arguments import sft_config
from trainers.trial import Quantization, Training

GPU, CPU = torch.device("cuda"), torch.device("cpu")


@pytest.fixture(params=["ampere", "turing"])
def gpu(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A GPU with bfloat16, and one that only emulates it, of which torch says that it has it."""
    has_it = request.param == "ampere"
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: has_it or including_emulation)
    return str(request.param)


def test_auto_is_bfloat16_where_the_hardware_has_it(gpu: str) -> None:
    wanted = torch.bfloat16 if gpu == "ampere" else torch.float16
    assert base_model._dtype("auto", GPU) == wanted
    assert base_model._dtype("auto", CPU) == torch.float32
    assert base_model._dtype("float32", GPU) == torch.float32
    asked = base_model._bits_and_bytes(Quantization("nf4"), GPU)
    assert asked.bnb_4bit_compute_dtype == wanted
    asked = base_model._bits_and_bytes(Quantization("nf4", bnb_4bit_compute_dtype="float16"), GPU)
    assert asked.bnb_4bit_compute_dtype == torch.float16
    assert base_model._bits_and_bytes(Quantization("int8"), GPU).llm_int8_threshold == 6.0


def test_mixed_precision_follows_too(gpu: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert base_model.has_bf16(GPU) == (gpu == "ampere") and not base_model.has_bf16(CPU)
    assert not sft_config(Training(1e-4), CPU, str(tmp_path)).bf16
