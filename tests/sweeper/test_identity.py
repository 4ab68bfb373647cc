"""What makes two trials the same."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from sweeper.identity import trial_id
from trainers import docstrings
from trainers.trial import Data, Lora, Model, Quantization, Training, TrialConfig, from_mapping, reference_of


@pytest.fixture
def config(tmp_path: Path) -> TrialConfig:
    (tmp_path / "a.csv").write_text("text\none\ntwo\n")
    (tmp_path / "copy.csv").write_text("text\none\ntwo\n")
    (tmp_path / "other.csv").write_text("text\none\nthree\n")
    return TrialConfig(
        Model("m", "org/model"),
        Quantization(),
        Lora(8, 16, gain=2.0),
        Data("d", str(tmp_path / "a.csv")),
        Training(1e-4),
    )


def changed(config: TrialConfig, group: str, **values: Any) -> TrialConfig:
    return dataclasses.replace(config, **{group: dataclasses.replace(getattr(config, group), **values)})


@pytest.mark.parametrize(
    ("group", "values"),
    [
        ("model", {"name": "another name"}),
        ("model", {"cache_dir": "elsewhere"}),
        ("data", {"name": "another name"}),
        ("data", {"test_path": "held-out.csv"}),
        ("data", {"cache_dir": "elsewhere"}),
        ("data", {"validation_prompts": ["hello"], "max_new_tokens": 8}),  # which are read, and measured by nothing
        ("lora", {"gain": None}),  # alpha is what counts
    ],
)
def test_names_and_places_do_not_matter(config: TrialConfig, group: str, values: dict[str, Any]) -> None:
    assert trial_id(changed(config, group, **values)) == trial_id(config)


@pytest.mark.parametrize(
    ("group", "values"),
    [
        ("model", {"path": "org/other"}),
        ("model", {"revision": "abc"}),
        ("quantization", {"name": "nf4"}),
        ("lora", {"r": 16}),
        ("lora", {"alpha": 8}),
        ("lora", {"use_rslora": True}),
        ("lora", {"init_lora_weights": "loftq"}),
        ("lora", {"loftq_iter": 4}),
        ("data", {"max_samples": 1}),
        ("data", {"template": "{text}?"}),
        ("data", {"on_bad_rows": "skip"}),
        ("data", {"instruction": "Judge."}),
        ("data", {"class_balance": "weights"}),
        ("data", {"labels": ["b", "a"]}),
        ("data", {"generated_rows": 5}),
        ("training", {"learning_rate": 2e-4}),
        ("training", {"seed": 1}),
        ("training", {"eval_steps": 7}),
        ("training", {"probes": ["bleed"]}),
    ],
)
def test_whatever_is_computed_with_matters(config: TrialConfig, group: str, values: dict[str, Any]) -> None:
    assert trial_id(changed(config, group, **values)) != trial_id(config)


def test_ids_that_were_recorded_stay(config: TrialConfig) -> None:
    assert trial_id(config) == "a571179bd6dd"


def test_later_fields_enter_where_they_differ_from_their_default(config: TrialConfig) -> None:
    augmented = changed(config, "data", augmentation="eda")
    more = changed(augmented, "data", augmentation_factor=5)
    assert len({trial_id(config), trial_id(augmented), trial_id(more)}) == 3
    assert trial_id(changed(more, "data", augmentation="none")) == trial_id(config)  # five times nothing
    assert reference_of(more) == reference_of(config)
    weighted = changed(config, "data", class_balance="weights")
    assert trial_id(weighted) != trial_id(config) and reference_of(weighted) == reference_of(config)
    patient = changed(config, "training", early_stopping_patience=3)
    assert trial_id(patient) != trial_id(config) and reference_of(patient) == reference_of(config)


def test_data_count_by_content(config: TrialConfig) -> None:
    folder = Path(config.data.path).parent
    assert trial_id(changed(config, "data", path=str(folder / "copy.csv"))) == trial_id(config)
    assert trial_id(changed(config, "data", path=str(folder / "other.csv"))) != trial_id(config)


def test_json_and_what_is_made_of_it_count_by_content(config: TrialConfig, tmp_path: Path) -> None:
    ids = []
    for name, content in [("one", "[1]"), ("two", "[1]"), ("three", "[2]")]:
        (tmp_path / name).mkdir()
        (tmp_path / name / "train.json").write_text(content)
        ids.append(trial_id(changed(config, "data", path=str(tmp_path / name))))
        (tmp_path / name / "test.json").write_text(name)  # nothing is trained on it
    assert ids[0] == ids[1] != ids[2]


def test_docstrings_count_by_their_rows(config: TrialConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = []
    for cache, said in [("one", "what it does"), ("two", "what it does"), ("three", "what it did")]:
        folder = tmp_path / cache
        folder.mkdir()
        (folder / "train.jsonl").write_text(said)
        monkeypatch.setattr(docstrings, "folder", Path)
        ids.append(trial_id(changed(config, "data", path=docstrings.PATH, cache_dir=str(folder))))
    assert ids[0] == ids[1] != ids[2]


def test_a_local_model_counts_by_content(config: TrialConfig, tmp_path: Path) -> None:
    ids = []
    for name, content in [("one", "x"), ("two", "x"), ("three", "y")]:
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text(content)
        ids.append(trial_id(changed(config, "model", path=str(tmp_path / name))))
    assert ids[0] == ids[1] != ids[2]


def test_a_configuration_survives_the_log(config: TrialConfig) -> None:
    assert from_mapping(dataclasses.asdict(config)) == config


def test_trials_of_one_model_and_data_share_their_reference(config: TrialConfig) -> None:
    other = changed(changed(config, "lora", r=64, alpha=1), "training", learning_rate=1.0, seed=7)
    assert reference_of(other) == reference_of(config)
    assert reference_of(changed(config, "data", max_samples=5)) != reference_of(config)  # the validation rows differ
    fixed = changed(config, "data", validation_path="v.csv")
    assert reference_of(changed(fixed, "data", max_samples=5)) == reference_of(fixed)
    assert reference_of(changed(config, "quantization", name="nf4")) != reference_of(config)


def test_recorded_trials_keep_their_identity(config: TrialConfig) -> None:
    """As it was before `init_lora_weights` was a field: a field that is added may not change it."""
    assert trial_id(config) == "a571179bd6dd"


def test_the_length_of_answers_matters_where_they_are_measured(config: TrialConfig) -> None:
    answered = changed(config, "data", generated_rows=100)
    assert trial_id(changed(answered, "data", max_new_tokens=8)) != trial_id(answered)
