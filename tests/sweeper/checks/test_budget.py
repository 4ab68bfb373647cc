"""Coverage, epochs, evaluations, batches."""

from __future__ import annotations

from typing import Any

import pytest
from scened import lengths, only, severities

from sweeper.checks import batch, coverage, epochs, evaluations, four_bit


@pytest.mark.parametrize(
    ("set_", "severity", "number"),
    [
        ({"rows": 40_500, "source": 45_000, "training_gradient_accumulation_steps": 1}, "warning", "8.9 %: 4,000 of"),
        ({"rows": 900, "source": 1_000, "training_max_steps": -1}, "note", "270 %: 2,700 of 1,000 rows, 2.70 epochs"),
        (
            {"rows": 900, "source": 1_000, "training_max_steps": -1, "training_num_train_epochs": 0.5},
            "warning",
            "45.0 %: 450 of 1,000 rows",
        ),
        (
            {"rows": 500, "source": 45_000, "data_max_samples": 500},
            "note",
            "17.8 %: 8,000 of 45,000 rows, 0.18 epochs; 16.00 of the 500 trained on",
        ),
        ({"training_stop_at": 0.1}, "warning", "16.0 %: 800 of 5,000 rows"),
        ({"rows": 3_000, "data_augmentation": "eda"}, "warning", "0.89 of the 9,000 trained on"),
    ],
)
def test_coverage(set_: dict[str, Any], severity: str, number: str) -> None:
    found = only(coverage.check, **set_)
    assert found.severity == severity and number in found.number


def test_packed_rows_are_counted_by_their_tokens() -> None:
    found = only(coverage.check, tokens=lengths(64), training_packing=True, training_max_length=256)
    assert found.number.startswith("640 %: about 32,000 of 5,000 rows") and "tokens" in found.number


def test_the_remedy_covers_the_data_once() -> None:
    short = {"rows": 40_500, "source": 45_000, "training_gradient_accumulation_steps": 1}
    assert only(coverage.check, **short).remedy == "training.max_steps=5063"
    assert only(coverage.check, **{**short, "training_max_steps": 5_063}).severity == "note"


def test_nothing_is_covered_of_data_that_cannot_be_read() -> None:
    assert severities(coverage.check, rows=0) == []


@pytest.mark.parametrize(
    ("rows", "steps", "found"),
    [(900, 57 * 5, []), (900, 57 * 11, ["warning"]), (900, 57 * 4, ["note"]), (60_000, 3_750 * 4, ["warning"])],
)
def test_epochs_by_size(rows: int, steps: int, found: list[str]) -> None:
    assert severities(epochs.check, rows=rows, training_max_steps=steps) == found


@pytest.mark.parametrize(
    ("every", "count", "key"),
    [(50, 0, ""), (501, 1, "is never reached of 500"), (500, 1, "is the last step of 500")],
)
def test_a_run_that_is_evaluated_once_has_no_curve(every: int, count: int, key: str) -> None:
    found = severities(evaluations.check, training_eval_steps=every)
    assert found == ["warning"] * count
    if count:
        told = only(evaluations.check, training_eval_steps=every)
        assert key in told.number and told.remedy == "training.eval_steps=125"


def test_patience_that_never_runs_out() -> None:
    assert only(evaluations.check, training_early_stopping_patience=10).number == "10 of 10 evaluations"


@pytest.mark.parametrize(("micro", "accumulated", "found"), [(1, 8, 1), (1, 32, 0), (2, 4, 0)])
def test_one_row_at_a_time_over_four_bits(micro: int, accumulated: int, found: int) -> None:
    sizes = {"training_per_device_train_batch_size": micro, "training_gradient_accumulation_steps": accumulated}
    assert len(severities(four_bit.check, quantization_name="nf4", **sizes)) == found
    assert severities(four_bit.check, quantization_name="int8", **sizes) == []


@pytest.mark.parametrize(("accumulated", "found"), [(1, ["note"]), (2, []), (8, []), (16, ["note"]), (64, ["warning"])])
def test_rows_of_a_step(accumulated: int, found: list[str]) -> None:
    assert severities(batch.check, training_gradient_accumulation_steps=accumulated) == found


def test_a_packed_row_counts_for_its_examples() -> None:
    sizes = {"training_per_device_train_batch_size": 1, "training_gradient_accumulation_steps": 1}
    assert severities(batch.check, **sizes) == ["warning"]
    packed = {"tokens": lengths(64), "training_packing": True, "training_max_length": 1024}
    assert severities(batch.check, **sizes, **packed) == []
