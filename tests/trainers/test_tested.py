"""A kept adapter is loaded as it was at its rung, measured on other rows, and leaves the base as it found it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from packs import Drive, GoOn, Stop
from safetensors.torch import load_file, save_file

from trainers import auto, data, seam, tested
from trainers.loaded import Loaded
from trainers.registry import Resources
from trainers.seam import Failed, Rung
from trainers.trial import Quantization, TrialConfig, reference_of

CPU = torch.device("cpu")


@pytest.fixture
def config(micro_trial: Callable[..., TrialConfig], tmp_path: Path) -> TrialConfig:
    """A trial whose test rows are its validation rows: what is measured of them has to be what was."""
    training = {"learning_rate": 2e-2, "max_steps": 4, "eval_steps": 2, "logging_steps": 4}
    trial = micro_trial(dropout=0.1, template="feel: {text} ->", **training)
    rows = data.load(trial.data)
    held = [{"text": row.text, "label": rows.labels[row.label or 0]} for row in rows.validation]
    return with_rows(trial, tmp_path, held)


def with_rows(trial: TrialConfig, folder: Path, rows: list[dict[str, str]]) -> TrialConfig:
    path = folder / "test.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return with_data(trial, test_path=str(path))


def with_data(trial: TrialConfig, **fields: Any) -> TrialConfig:
    return dataclasses.replace(trial, data=dataclasses.replace(trial.data, **fields))


def kept_at_2(worker: Any, config: TrialConfig, folder: Path) -> dict[str, float]:
    """Trains two trials, told to keep their adapters at step 2 alone; returns what the first measured there."""
    other = dataclasses.replace(config, training=dataclasses.replace(config.training, seed=7))
    drive = Drive(worker, folder, {"t": config, "u": other})

    def decide(rung: Rung) -> Any:
        return GoOn(rung.trial, keep=True) if rung.step == 2 else Stop(rung.trial)

    found = drive.run(decide)
    assert set(found["t"].rungs) == {2, 4} and found["t"].rungs[2] != found["t"].rungs[4]
    return found["t"].rungs[2]


def ask(worker: Any, command: seam.Test) -> Any:
    (event,) = worker.advance([command])
    return event


LORA: dict[str, dict[str, Any]] = {
    "packed": {},
    "packed with rslora": {"use_rslora": True, "alpha": 3},
    "alone": {"dtype": "bfloat16"},
    "biases": {"bias": "all"},
    "dora": {"kwargs": {"use_dora": True}},
    "a whole layer": {"kwargs": {"modules_to_save": ["lm_head"]}},
    "pissa": {"init_lora_weights": "pissa"},
    "loftq": {"init_lora_weights": "loftq"},
    "nf4": {},
}


@pytest.mark.parametrize("case", LORA)
def test_a_kept_adapter_measures_what_it_did_at_its_rung(config: TrialConfig, case: str, tmp_path: Path) -> None:
    lora = dataclasses.replace(config.lora, **LORA[case])
    quantization = Quantization("nf4" if case in {"loftq", "nf4"} else "none")
    config = dataclasses.replace(config, lora=lora, quantization=quantization)
    worker = auto.make(Resources(capacity=2))
    before = ask(worker, seam.Test("base", reference_of(config)))
    at_rung = kept_at_2(worker, config, tmp_path)
    is_packed = case.startswith("packed")
    # A threshold is a row's own score, and a shared pass rounds otherwise: that row must not be lost by its last digit.
    adapter, threshold = str(tmp_path / "t" / "adapter"), at_rung["minority_threshold"] * (1 - 1e-6 * is_packed)

    def measure() -> seam.Tested:
        event = ask(worker, seam.Test("t", config, adapter, threshold))
        assert isinstance(event, seam.Tested), event
        return event

    made = measure()
    named = {f"test_{key.removeprefix('eval_')}": value for key, value in at_rung.items()}
    close = pytest.approx(named, rel=1e-5) if is_packed else named
    assert {key: made.values[key] for key in named} == close
    assert made.facts["rows"] == 6 == sum(count for _, _, count in made.counts) and made.labels == ["happy", "sad"]
    right = sum(count for truth, found, count in made.counts if truth == found)
    assert right / 6 == pytest.approx(made.values["test_accuracy"])

    assert dataclasses.replace(measure(), facts={}) == dataclasses.replace(made, facts={})
    after = ask(worker, seam.Test("base", reference_of(config)))
    assert after.values == before.values != made.values  # the base is as it was


def test_an_adapter_that_is_not_the_trials_is_refused(config: TrialConfig, tmp_path: Path) -> None:
    worker = auto.make(Resources())
    kept_at_2(worker, config, tmp_path)
    folder = tmp_path / "t" / "adapter"
    wider = dataclasses.replace(config, lora=dataclasses.replace(config.lora, r=8))
    refused = ask(worker, seam.Test("t", wider, str(folder)))
    assert isinstance(refused, Failed) and "is not this trial's: size mismatch" in refused.reason.replace("\t", "")
    assert isinstance(ask(worker, seam.Test("t", config, str(folder))), seam.Tested)  # the worker is none the worse

    weights = load_file(folder / "adapter_model.safetensors")
    save_file(dict(list(weights.items())[1:]), folder / "adapter_model.safetensors")
    refused = ask(worker, seam.Test("t", config, str(folder)))
    assert isinstance(refused, Failed) and "is not this trial's" in refused.reason
    refused = ask(worker, seam.Test("t", config, str(tmp_path / "none")))
    assert isinstance(refused, Failed) and "cannot be read" in refused.reason


def test_the_threshold_is_the_one_given(config: TrialConfig) -> None:
    loaded = Loaded(CPU)
    everything = tested.answer(seam.Test("base", reference_of(config), threshold=0.0), loaded)
    nothing = tested.answer(seam.Test("base", reference_of(config), threshold=1.1), loaded)
    assert isinstance(everything, seam.Tested) and isinstance(nothing, seam.Tested)
    assert everything.values["test_minority_recall"] == 1 and everything.values["test_minority_threshold"] == 0
    assert everything.values["test_minority_precision"] == 0.5
    assert nothing.values["test_minority_f1"] == nothing.values["test_minority_recall"] == 0


def test_rows_are_counted_and_told_by_their_content(config: TrialConfig, tmp_path: Path) -> None:
    loaded = Loaded(CPU)

    def facts(trial: TrialConfig) -> dict[str, Any]:
        made = tested.answer(seam.Test("base", reference_of(trial)), loaded)
        assert isinstance(made, seam.Tested), made
        return made.facts

    first = facts(config)
    long = "it goes on and on and on " * 20
    more = with_rows(config, tmp_path, [{"text": "so glad", "label": "happy"}, {"text": long, "label": "sad"}])
    second = facts(more)
    assert (second["rows"], second["cut_off"]) == (1, 1) and first["cut_off"] == 0
    assert first[tested.FINGERPRINT] != second[tested.FINGERPRINT]
    unknown = with_rows(config, tmp_path, [{"text": "so glad", "label": "cheerful"}])
    refused = tested.answer(seam.Test("base", reference_of(unknown)), loaded)
    assert isinstance(refused, Failed) and "unknown label: 'cheerful'; known are happy, sad" in refused.reason
    none = tested.answer(seam.Test("base", reference_of(with_data(config, test_path=None))), loaded)
    assert isinstance(none, Failed) and "has no test rows; try data.test_path=FILE" in none.reason
