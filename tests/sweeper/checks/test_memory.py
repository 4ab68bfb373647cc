"""Whether a trial fits, and what would make it."""

from __future__ import annotations

import dataclasses

import pytest
from made_up_scenes import llama, scene

from sweeper.checks.memory import check
from sweeper.finding import Finding
from sweeper.memory.estimate import estimate
from sweeper.scene import Hardware, Scene

BIG = {
    "per_device_train_batch_size": 16,
    "per_device_eval_batch_size": 1,
    "gradient_accumulation_steps": 2,
    "max_length": 1024,
    "longest": 4000,
}


def on(gib: float | None, kind: str = "cuda", **own: object) -> Scene:
    hardware = Hardware(kind, "NVIDIA T4", gib)  # type: ignore[arg-type]
    return scene(hardware=hardware, **(BIG | own))  # type: ignore[arg-type]


def only(found: Scene) -> Finding:
    (finding,) = check(found)
    return finding


def needs(found: Scene) -> float:
    assert found.model is not None
    return estimate(found.config, found.model, 1024, found.hardware.kind, predicted=64).mib / 1024


def test_what_fits_is_a_note_with_its_parts() -> None:
    found = only(on(1000.0))
    assert found.severity == "note" and found.remedy == ""
    assert all(part in found.number for part in ("base 2.3 GiB", "adapters 43 MiB", "optimizer 86 MiB", "activations"))
    assert "1000.0 GiB to give" in found.rule


def test_memory_that_nobody_tells_is_not_judged() -> None:
    assert only(on(None)).severity == "note"


@pytest.mark.parametrize(("share", "severity"), [(0.85, "note"), (0.95, "warning"), (1.3, "warning")])
def test_a_full_device_is_a_warning_while_smaller_micro_batches_are_left(share: float, severity: str) -> None:
    whole = needs(on(None))
    assert only(on(whole / share)).severity == severity


def test_it_is_an_error_where_a_single_row_does_not_fit() -> None:
    assert only(on(1.5)).severity == "error"


def test_the_first_remedy_keeps_the_update_and_fits() -> None:
    found = on(needs(on(None)) / 3)
    remedy = only(found).remedy
    assert remedy.startswith("training.per_device_train_batch_size=")
    rows, accumulated = (int(item.rpartition("=")[2]) for item in remedy.split())
    assert rows * accumulated == 32 and rows < 16
    assert needs(on(None, per_device_train_batch_size=rows)) <= 0.9 * needs(found) / 3
    assert rows == 8 or needs(on(None, per_device_train_batch_size=2 * rows)) > 0.9 * needs(found) / 3


def test_remedies_come_in_the_documents_order() -> None:
    single = on(2.8, per_device_train_batch_size=1, gradient_accumulation_steps=1, max_length=512)
    assert only(single).remedy == "quantization=nf4"
    tight = on(1.0, per_device_train_batch_size=2, gradient_accumulation_steps=1)
    keys = [item.partition("=")[0] for item in only(tight).remedy.split() if "=" in item]
    assert keys == [
        "training.per_device_train_batch_size",
        "training.gradient_accumulation_steps",
        "training.max_length",
        "quantization",
        "training.activation_checkpointing",
        "lora.target_modules",
    ]
    assert only(tight).remedy.endswith("a smaller model, or a device with more memory")


def test_few_logits_are_needed_for_short_completions_on_a_cpu() -> None:
    whole, short = on(None, "cpu", completion=None), on(None, "cpu", completion=8)
    assert "logits 23.5 GiB" in only(whole).number and "logits" not in only(short).number


def test_evaluating_fewer_rows_is_the_first_remedy_and_loses_nothing() -> None:
    found = only(on(8.0, per_device_train_batch_size=1, per_device_eval_batch_size=64))
    assert (found.key, found.value) == ("training.per_device_eval_batch_size", 64)
    assert found.severity == "warning" and "or evaluating" in found.number
    assert found.remedy.startswith("training.per_device_eval_batch_size=") and " " not in found.remedy


def test_targets_that_are_no_pattern_are_another_checks_finding() -> None:
    assert only(on(1000.0, target_modules="*.q_proj")).severity == "note"


def test_accumulation_costs_nothing_and_rows_do() -> None:
    once, twice = on(None), on(None, gradient_accumulation_steps=64)
    assert needs(once) == needs(twice) > needs(on(None, per_device_train_batch_size=8))


def test_a_model_that_is_not_here_and_the_reference_are_not_estimated() -> None:
    assert list(check(dataclasses.replace(on(8.0), model=None))) == []
    assert list(check(on(8.0, max_steps=0))) == []


def test_eager_attention_grows_with_the_square_of_the_length() -> None:
    def activations(length: int, attention: str) -> float:
        found = on(None, per_device_train_batch_size=1)
        model = dataclasses.replace(found.config.model, attn_implementation=attention)
        return estimate(dataclasses.replace(found.config, model=model), llama(), length, "cuda").activations

    assert activations(8192, "sdpa") == pytest.approx(4 * activations(2048, "sdpa"), rel=0.01)
    assert activations(8192, "eager") > 10 * activations(2048, "eager")
