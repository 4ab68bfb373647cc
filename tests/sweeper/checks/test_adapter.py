"""Gain, rank, dropout, number formats."""

from __future__ import annotations

import pytest
from scened import only, scene, severities

from sweeper.checks import dropout, gain, precision, rank
from sweeper.scene import Hardware


@pytest.mark.parametrize(
    ("r", "alpha", "use_rslora", "number", "remedy"),
    [
        (32, 64, True, "gain 2 -> 11.3", "lora.alpha=11, or lora.gain=2 in its place"),
        (16, 16, True, "", ""),
        (32, 11, True, "", ""),
        (32, 64, False, "", ""),
        (8, 64, False, "gain 8: alpha 64 / r 8", "lora.gain=2 in place of lora.alpha"),
        (64, 32, False, "gain 0.5: alpha 32 / r 64", "lora.gain=2 in place of lora.alpha"),
        (4, 64, True, "gain 32: alpha 64 / sqrt(r) 2", "lora.gain=2 in place of lora.alpha"),
    ],
)
def test_gain_and_its_jump(*, r: int, alpha: int, use_rslora: bool, number: str, remedy: str) -> None:
    asked = {"lora_r": r, "lora_alpha": alpha, "lora_gain": None, "lora_use_rslora": use_rslora}
    found = [(item.severity, item.number, item.remedy) for item in gain.check(scene(**asked))]
    assert found == ([("warning", number, remedy)] if number else [])


def test_a_gain_that_was_asked_for_is_judged_before_alpha_is_rounded() -> None:
    assert severities(gain.check, lora_r=2, lora_alpha=1, lora_gain=1.0, lora_use_rslora=True) == []
    assert only(gain.check, lora_r=8, lora_alpha=64, lora_gain=8.0).key == "lora.gain"


@pytest.mark.parametrize(
    ("rows", "r", "severity", "remedy"),
    [(5_000, 16, "note", ""), (5_000, 64, "warning", "lora.r=16"), (5_000, 4, "note", "lora.r=16")],
)
def test_rank_by_effective_size(rows: int, r: int, severity: str, remedy: str) -> None:
    found = only(rank.check, rows=rows, lora_r=r)
    assert (found.severity, found.remedy) == (severity, remedy)


def test_repetitive_rows_want_a_lower_rank() -> None:
    assert only(rank.check, rows=5_000, effective=400, lora_r=16).severity == "warning"


@pytest.mark.parametrize(("value", "found"), [(0.05, ["note"]), (0.2, ["note"]), (0.9, ["warning"])])
def test_dropout_by_size(value: float, found: list[str]) -> None:
    assert severities(dropout.check, lora_dropout=value) == found


OLD, NEW = Hardware("cuda", "T4", 15.0, has_bf16=False), Hardware("cuda", "A100", 40.0, has_bf16=True)


@pytest.mark.parametrize(
    ("hardware", "dtype", "found"),
    [
        (OLD, "bfloat16", 1),
        (OLD, "float16", 0),
        (NEW, "bfloat16", 0),
        (NEW, "float16", 1),
        (Hardware("cpu"), "float16", 1),
        (Hardware("cpu"), "bfloat16", 0),
        (Hardware("cuda", "?"), "bfloat16", 0),
    ],
)
def test_formats_of_the_hardware(hardware: Hardware, dtype: str, found: int) -> None:
    assert len(severities(precision.check, hardware=hardware, model_dtype=dtype)) == found
    # What a 4-bit base computes in is asked only of a 4-bit base.
    four_bit = {"quantization_name": "nf4", "quantization_bnb_4bit_compute_dtype": dtype}
    assert len(severities(precision.check, hardware=hardware, **four_bit)) == found
    assert severities(precision.check, hardware=hardware, **{**four_bit, "quantization_name": "none"}) == []


def test_adapters_are_trained_in_full_precision() -> None:
    assert only(precision.check, lora_dtype="bfloat16").remedy == "lora.dtype=float32"
