"""Values set on a composition, with and without references between them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig

from sweeper.composition import Composer
from sweeper.space import Choices, Space

CONF = Path(__file__).parents[2] / "conf"


def composed(overrides: Sequence[str]) -> DictConfig:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("config", list(overrides))


def composer(*fixed: str, axes: tuple[Choices, ...] = ()) -> Composer:
    return Composer(composed, Space(axes, fixed))


@pytest.mark.parametrize(
    "fixed", [(), ("training.warmup_steps=${training.logging_steps}",)], ids=["plain", "references"]
)
def test_values_are_set_and_alpha_follows(fixed: tuple[str, ...]) -> None:
    axes = (Choices("lora.r", (4, 32)), Choices("training.learning_rate", (1e-4,)))
    made = composer(*fixed, axes=axes)
    for r in (4, 32):
        trial, problems = made.trial({"lora.r": r, "training.learning_rate": 1e-4})
        assert trial is not None, problems
        assert (trial.lora.r, trial.lora.alpha, trial.training.learning_rate) == (r, 2 * r, 1e-4)


def test_a_reference_follows_a_swept_value() -> None:
    made = composer(
        "training.warmup_steps=${training.logging_steps}", axes=(Choices("training.logging_steps", (3, 7)),)
    )
    assert [made.trial({"training.logging_steps": n})[0].training.warmup_steps for n in (3, 7)] == [3, 7]  # type: ignore[union-attr]


def test_a_group_is_an_axis() -> None:
    made = composer(axes=(Choices("quantization", ("none", "nf4"), is_group=True),))
    trials = [made.trial({"quantization": name})[0] for name in ("none", "nf4")]
    assert [trial.quantization.name for trial in trials if trial] == ["none", "nf4"]


def test_data_from_a_path_replaces_the_built_in_rows_entirely() -> None:
    trial, _ = composer("data=path", "data.path=mine.csv").trial({})
    assert trial is not None
    assert (trial.data.validation_path, trial.data.labels, trial.data.template) == (None, None, None)


def test_a_data_path_alone_replaces_the_built_in_rows_entirely() -> None:
    trial, problems = composer("data.path=mine.csv").trial({})
    assert trial is not None, problems
    assert (trial.data.name, trial.data.validation_path, trial.data.test_path) == ("mine", None, None)
    assert (trial.data.labels, trial.data.template) == (None, None)


def test_what_is_given_beside_a_path_is_kept() -> None:
    trial, _ = composer("data.path=mine.csv", "data.labels=[a,b]", "data.name=x", "model.path=./folder/my-model").trial(
        {}
    )
    assert trial is not None
    assert (trial.data.labels, trial.data.name, trial.model.name) == (["a", "b"], "x", "my-model")


def test_a_path_can_be_swept() -> None:
    made = composer(axes=(Choices("data.path", ("a.csv", "b.csv")),))
    trials = [made.trial({"data.path": path})[0] for path in ("a.csv", "b.csv")]
    assert [(trial.data.name, trial.data.template) for trial in trials if trial] == [("a", None), ("b", None)]


def test_every_problem_comes_at_once() -> None:
    _, problems = composer("lora.r=0", "lora.dropout=2", "training.optim=3", "lora.dtype=x").trial({})
    assert {problem.key for problem in problems} == {"lora.r", "lora.dropout", "training.optim", "lora.dtype"}


def test_no_trial_shares_what_it_holds() -> None:
    made = composer(axes=(Choices("lora.r", (4, 8)),))
    first, second = made.trial({"lora.r": 4})[0], made.trial({"lora.r": 8})[0]
    assert first is not None and second is not None
    assert first.data.labels == second.data.labels and first.data.labels is not second.data.labels


def test_unknown_axes_are_named_with_the_nearest() -> None:
    made = composer(axes=(Choices("lora.rnk", (4,)), Choices("lora.r", (4,))))
    assert [(item.key, item.remedy) for item in made.unknown_axes()] == [("lora.rnk", "lora.r")]
