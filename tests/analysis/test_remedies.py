"""What is advised after a verdict: in order, in this run's numbers, and typed as the sweep understands it."""

from __future__ import annotations

import functools
import math
import random
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig

from analysis.remedies import REMEDIES, remedies
from analysis.verdict import Name, Verdict
from sweeper.composition import Composer
from sweeper.space import Space
from trainers.trial import flatten

CONF = Path(__file__).parents[2] / "conf"
NAMES: tuple[Name, ...] = get_args(Name)

USUAL: dict[str, Any] = {
    "lora.r": 32,
    "lora.alpha": 64,
    "lora.gain": None,
    "lora.dropout": 0.05,
    "lora.use_rslora": False,
    "lora.target_modules": "all-linear",
    "training.learning_rate": 2e-4,
    "training.max_steps": 1000,
    "training.warmup_steps": 0.03,
    "training.weight_decay": 0.01,
}


def of(name: Name, step: int | None = None, **params: Any) -> list[str]:
    asked = {**USUAL, **{key.replace("__", "."): value for key, value in params.items()}}
    return [item.override for item in remedies(Verdict(name, 0.7, "numbers", step), asked) if item.override]


def test_every_verdict_has_its_remedies_and_a_healthy_run_none() -> None:
    assert set(REMEDIES) == set(NAMES)
    assert [name for name in NAMES if not remedies(Verdict(name, 0.7, ""), {})] == ["learning"]


def test_an_unstable_run_warms_up_longer_before_anything_else() -> None:
    assert of("diverged") == ["training.warmup_steps=0.06", "training.learning_rate=1e-4", "lora.alpha=32"]


def test_under_rslora_alpha_is_turned_before_the_rate() -> None:
    tuned = of("spiky", lora__use_rslora=True, lora__alpha=11)
    assert tuned == ["training.warmup_steps=0.06", "lora.alpha=6", "training.learning_rate=1e-4"]


def test_an_alpha_for_alpha_over_r_goes_back_to_the_gain_it_was_meant_for() -> None:
    found = remedies(Verdict("diverged", 0.9, ""), {**USUAL, "lora.use_rslora": True})
    assert [item.text for item in found][1] == "lora.alpha: 64 → 11 (gain 11.3 → 1.94)"


def test_late_trouble_is_not_for_the_warm_up() -> None:
    assert of("diverged", step=900)[0] == "training.learning_rate=1e-4"


@pytest.mark.parametrize(
    ("steps", "asked", "wanted"),
    [
        (200, 10, 25),
        (40, 10, None),
        (200, 0.06, 25),
        (1000, 50, 0.06),
        (-1, 30, 50),
        (1000, 0.1, None),
        (400, 100, None),
    ],
)
def test_warm_up_goes_up_by_a_notch(steps: int, asked: float, wanted: float | None) -> None:
    found = of("diverged", training__max_steps=steps, training__warmup_steps=asked)
    assert [item for item in found if "warmup" in item] == (
        [] if wanted is None else [f"training.warmup_steps={wanted}"]
    )


def test_underfitting_widens_the_targets_before_the_rank() -> None:
    assert of("underfitting", lora__target_modules=["q_proj", "v_proj"]) == [
        "training.learning_rate=4e-4",
        "lora.dropout=0.03",
        "lora.target_modules=[q_proj,k_proj,v_proj,o_proj]",
        "lora.r=64 lora.alpha=128",
        "lora.alpha=128",
        "training.weight_decay=0.001",
        "training.max_steps=2000",
    ]


def test_overfitting_ends_where_it_began() -> None:
    assert of("overfitting", step=600) == [
        "lora.dropout=0.1",
        "lora.r=16 lora.alpha=32",
        "training.weight_decay=0.03",
        "training.max_steps=600",
    ]


def test_where_the_gain_is_set_alpha_follows_it() -> None:
    given = {"lora__gain": 2.0}
    assert "lora.gain=1" in of("diverged", **given) and "lora.gain=4" in of("underfitting", **given)
    assert "lora.r=16" in of("overfitting", **given)
    assert "lora.r=16 lora.alpha_law=gain lora.gain=2" in of("overfitting", lora__alpha_law="constant", **given)


def test_a_rank_keeps_its_gain_under_rslora() -> None:
    assert "lora.r=16 lora.alpha=8" in of("overfitting", lora__use_rslora=True, lora__alpha=11)


def test_what_is_at_its_end_is_not_turned_further() -> None:
    ends = {"lora__dropout": 0.1, "lora__r": 4, "lora__alpha": 2, "training__weight_decay": 0.1}
    assert of("overfitting", training__max_steps=1, **ends) == []
    ends = {"lora__dropout": 0.0, "lora__r": 64, "lora__alpha": 256, "training__weight_decay": 0.0}
    assert of("underfitting", training__learning_rate=5e-4, **ends) == ["training.max_steps=2000"]
    assert of("recall_limited", lora__dropout=0.0) == of("precision_limited", lora__dropout=0.2) == []


def test_the_tiny_model_has_ten_times_the_rates() -> None:
    assert "training.learning_rate=0.004" in of(
        "underfitting", training__learning_rate=2e-3, model__path="bundled:tiny"
    )
    assert not any("learning_rate" in item for item in of("underfitting", training__learning_rate=2e-3))


def test_a_rate_beyond_the_documents_scale_begins_again() -> None:
    assert of("no_meaningful_learning", training__learning_rate=1e-6)[0] == "training.learning_rate=2e-4"
    assert (
        of("late_collapse", training__learning_rate=0.3, model__path="bundled:tiny")[0]
        == "training.learning_rate=0.002"
    )


def test_noise_of_four_bits_and_single_rows_is_004s() -> None:
    failed = {"quantization__name": "nf4", "training__per_device_train_batch_size": 1}
    found = of("no_meaningful_learning", training__gradient_accumulation_steps=8, **failed)
    assert found[1] == "training.per_device_train_batch_size=2 training.gradient_accumulation_steps=16"
    assert "quantization=int8" in found


def test_a_run_that_was_cut_short_is_trained_to_its_end() -> None:
    assert of("still_improving", training__stop_at=0.1)[0] == "training.stop_at=null"


def test_of_an_unknown_configuration_one_speaks_in_words() -> None:
    for name in NAMES:
        assert all(not item.override and item.text and item.source for item in remedies(Verdict(name, 0.7, ""), {}))


ANYTHING = (None, 0, -1, 3.5, 1e300, 10**400, math.nan, math.inf, True, "", "x", [], [["a"], {}], {"a": 1}, 64, 2e-4)


def test_whatever_a_run_was_called_with_the_advice_is_sane() -> None:
    chance = random.Random(0)
    keys = sorted({**tried(()), "training.label_smoothing_factor": 0})
    for _ in range(100):
        params = {key: chance.choice(ANYTHING) for key in keys if chance.random() < 0.7}
        for name in NAMES:
            typed = " ".join(
                item.override for item in remedies(Verdict(name, 0.7, "", chance.choice((None, 0, 9))), params)
            )
            assert "nan" not in typed and "inf" not in typed, params


# Configurations whose remedies turn everything there is to turn.
COMMANDS = [
    (),
    ("lora.alpha=16", "quantization=nf4", "training.per_device_train_batch_size=1", "training.max_steps=-1"),
    ("lora.use_rslora=true", "lora.alpha=64", "lora.r=32", "lora.target_modules=[q_proj]", "lora.bias=all"),
    ("lora.alpha_law=constant", "lora.alpha_r=16", "training.lr_scheduler_type=constant", "training.max_grad_norm=0"),
    (
        "training.lr_scheduler_type=cosine_with_restarts",
        "+training.lr_scheduler_kwargs.num_cycles=3",
        "lora.dropout=0.9",
        "model.dtype=float16",
        "lora.dtype=bfloat16",
    ),
]


@functools.cache
def composed(overrides: tuple[str, ...]) -> DictConfig:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("config", list(overrides))


def tried(command: tuple[str, ...], override: str = "") -> Mapping[str, Any]:
    """Returns the parameters of a command's trial with what is advised; a group is composed, values are set."""
    parsed = OverridesParser.create().parse_overrides(shlex.split(override))
    groups = tuple(f"{item.key_or_group}={item.value()}" for item in parsed if "." not in item.key_or_group)
    values = {item.key_or_group: item.value() for item in parsed if "." in item.key_or_group}
    composer = Composer(lambda given: composed(tuple(given)), Space((), (*command, *groups)))
    trial, problems = composer.trial(values)
    assert trial is not None, (override, problems)
    return flatten(trial)


@pytest.mark.parametrize("command", COMMANDS)
def test_everything_that_is_advised_composes_and_changes_the_trial(command: tuple[str, ...]) -> None:
    params = tried(command)
    found = {item.override for name in NAMES for item in remedies(Verdict(name, 0.7, "", 50), params)} - {""}
    assert len(found) > 8
    assert [override for override in sorted(found) if tried(command, override) == params] == []


def test_what_is_typed_as_it_stands_composes() -> None:
    typed = ["training.lr_scheduler_type=cosine_with_min_lr ++training.lr_scheduler_kwargs.min_lr_rate=0.1"]
    assert of("lr_exhausted", training__lr_scheduler_type="linear")[:1] == typed
    targets = of("underfitting", lora__target_modules=["q_proj"])[2]
    made = composed(tuple(shlex.split(f"{typed[0]} {targets} training.label_smoothing_factor=0.1")))
    assert made.training.lr_scheduler_kwargs.min_lr_rate == 0.1 and len(made.lora.target_modules) == 4
