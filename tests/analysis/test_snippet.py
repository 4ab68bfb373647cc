"""The snippet is Python that PEFT and TRL take."""

from __future__ import annotations

import re
from typing import Any

import pytest
from made_up import PARAMS

from analysis.snippet import snippet, unsaid
from trainers.trial import Data, Lora, Model, Quantization, Training, TrialConfig, flatten


def made(params: dict[str, Any], metric: str = "eval_loss", direction: str = "minimize") -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(snippet(params, metric, direction), names)  # as a user would
    return names


def test_the_libraries_take_a_whole_trial() -> None:
    config = TrialConfig(
        Model("m", "org/m"),
        Quantization("nf4"),
        Lora(16, 64, use_rslora=True, target_modules=["q_proj"], init_lora_weights="loftq", kwargs={"use_dora": True}),
        Data("d", "d.jsonl"),
        Training(3e-4, "cosine_with_min_lr", {"min_lr_rate": 0.1}, max_steps=30, kwargs={"neftune_noise_alpha": 5}),
    )
    names = made(flatten(config))
    lora, training = names["lora"], names["training"]
    assert (lora.r, lora.lora_alpha, lora.use_rslora, lora.use_dora) == (16, 64, True, True)
    assert lora.target_modules == {"q_proj"} and lora.init_lora_weights == "loftq"
    assert (training.learning_rate, training.max_steps, training.neftune_noise_alpha) == (3e-4, 30, 5)
    assert training.lr_scheduler_kwargs == {"min_lr_rate": 0.1} and training.lr_scheduler_type == "cosine_with_min_lr"
    assert training.metric_for_best_model == "eval_loss" and training.load_best_model_at_end is False
    assert names["quantization"].bnb_4bit_quant_type == "nf4"
    assert any("bfloat16 on a 4-bit base" in said for said in unsaid(flatten(config)))


@pytest.mark.parametrize(
    ("metric", "strategy", "best"),
    [("token_accuracy", "best", "eval_mean_token_accuracy"), ("eval_macro_f1", "steps", None)],
)
def test_checkpoints_follow_what_trl_measures(metric: str, strategy: str, best: str | None) -> None:
    training = made({**PARAMS, "training.eval_steps": 5}, metric, "maximize")["training"]
    assert (training.save_strategy.value, training.metric_for_best_model) == (strategy, best)


def test_what_is_not_known_is_left_out() -> None:
    source = snippet({"lora.r": 24, "lora.alpha": 64}, "eval_loss", "minimize")
    assert re.findall(r"^    (\w+)=", source, re.MULTILINE) == ["r", "lora_alpha", "task_type", "bf16", "output_dir"]
    assert made({"lora.r": 24, "lora.alpha": 64})["lora"].r == 24


def test_what_was_imported_is_never_code() -> None:
    evil = "4); raise SystemExit('code ran'"
    params = {"lora.r": 8, "lora.init_lora_weights": "loftq", "lora.loftq_bits": evil, f"lora.kwargs.a={evil}, b": 1}
    source = snippet(params, "eval_loss", "minimize")
    compile(source, "snippet", "exec")
    assert source.count("raise SystemExit") == 1 and repr(evil) in source


def test_what_the_classes_have_no_word_for_is_escaped() -> None:
    said = " ".join(unsaid({"training.stop_at": "1`[x](http://x)"}))
    assert r"1\`\[x\](http://x)" in said


def test_a_named_set_of_modules_is_the_list_that_it_was() -> None:
    params = {"lora.r": 8, "lora.alpha": 16, "lora.target_modules": "qvo_gate"}
    modules = ["c_attn", "attn.c_proj"]
    assert made({**params, "matched.target_modules": modules})["lora"].target_modules == set(modules)
    assert not list(unsaid({**params, "matched.target_modules": modules}))
    assert "qvo_gate is a set that this tool names" in " ".join(unsaid(params))
    assert not list(unsaid({**params, "lora.target_modules": "all-linear"}))


def test_what_helps_small_sets_has_trls_names() -> None:
    asked = {"label_smoothing_factor": 0.1, "neftune_noise_alpha": 5.0, "completion_only_loss": False}
    training = made({f"training.{key}": value for key, value in asked.items()})["training"]
    assert {key: getattr(training, key) for key in asked} == asked
    said = " ".join(unsaid({"data.class_balance": "weights", "training.train_sampling_strategy": "group_by_length"}))
    assert "weighted by their label" in said and "seed and the epoch" in said
