"""Every YAML file composes into validated dataclasses."""

from __future__ import annotations

from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig

from sweeper.composition import Composer
from sweeper.settings import Diagnosis
from sweeper.space import Space

CONF = Path(__file__).parent.parent / "conf"
OPTIONS = sorted(f"{file.parent.name}={file.stem}" for file in CONF.glob("*/*.yaml"))
REQUIRED = {
    "model=path": ["model.path=somewhere"],
    "data=path": ["data.path=somewhere"],
    "trainer=replay": ["replay.table=t"],
}


def composed(overrides: list[str]) -> DictConfig:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("config", overrides)


def test_there_are_options_to_compose() -> None:
    groups = {option.partition("=")[0] for option in OPTIONS}
    assert groups == {
        *("model", "quantization", "lora", "data", "training"),
        *("trainer", "sampler", "pruner", "executor", "tracking", "sweep", "search_space", "procedure", "recipe"),
        "diagnosis",
    }


@pytest.mark.parametrize("option", OPTIONS)
def test_option_composes_and_validates(option: str) -> None:
    composer = Composer(lambda overrides: composed(list(overrides)), Space((), (option, *REQUIRED.get(option, []))))
    trial, problems = composer.trial({})
    assert trial is not None, problems
    settings, problems = composer.settings({})
    assert settings is not None and not problems


def test_the_defaults_are_those_the_documentation_names() -> None:
    composer = Composer(lambda overrides: composed(list(overrides)), Space((), ()))
    trial, _ = composer.trial({})
    assert trial is not None
    assert (trial.lora.r, trial.lora.alpha, trial.lora.use_rslora, trial.lora.dtype) == (8, 16, False, "float32")
    assert (trial.model.path, trial.data.name, trial.quantization.name) == ("bundled:tiny", "emotion", "none")


def test_what_curves_are_held_against_is_what_their_own_report_takes() -> None:
    settings, _ = Composer(lambda overrides: composed(list(overrides)), Space((), ())).settings({})
    assert settings is not None and settings.diagnosis == Diagnosis() and not settings.diagnosis.changed


@pytest.mark.parametrize(
    ("recipe", "r", "alpha", "epochs", "batch", "length", "rate", "samples"),
    [
        ("quick", 4, 16, 3, 4, 256, 2e-4, 1000),
        ("balanced", 8, 32, 3, 8, 512, 2e-4, 10_000),
        ("quality", 16, 64, 3, 8, 1024, 1e-4, None),
        ("low_memory", 4, 16, 5, 2, 256, 2e-4, 5000),
    ],
)
def test_recipes_are_those_of_the_document(
    *, recipe: str, r: int, alpha: int, epochs: int, batch: int, length: int, rate: float, samples: int | None
) -> None:
    composer = Composer(lambda overrides: composed(list(overrides)), Space((), (f"recipe={recipe}",)))
    trial, _ = composer.trial({})
    assert trial is not None
    lora, training = trial.lora, trial.training
    assert (lora.r, lora.alpha, lora.dropout) == (r, alpha, 0.1)
    assert (training.num_train_epochs, training.max_steps, training.per_device_train_batch_size) == (epochs, -1, batch)
    assert (training.max_length, training.learning_rate, trial.data.max_samples) == (length, rate, samples)


def test_the_command_line_goes_before_a_recipe() -> None:
    composer = Composer(lambda overrides: composed(list(overrides)), Space((), ("recipe=quick", "lora.r=16")))
    trial, _ = composer.trial({})
    assert trial is not None and (trial.lora.r, trial.lora.alpha) == (16, 64)


@pytest.mark.parametrize("file", sorted(CONF.rglob("*.yaml")), ids=lambda file: file.stem)
def test_files_are_short_and_commented(file: Path) -> None:
    lines = file.read_text().splitlines()
    assert "#" in lines[0] or "#" in lines[1]
    assert len(lines) <= (60 if file.parent.name == "diagnosis" else 45)  # a table: a line for every threshold


def test_rows_of_ones_own_need_no_more_than_their_path() -> None:
    keys = {
        name: set(composed([f"data={name}", *REQUIRED.get(f"data={name}", [])]).data) for name in ("emotion", "path")
    }
    assert keys["path"] <= keys["emotion"]  # where data.path= alone was given, every other key can be, too
