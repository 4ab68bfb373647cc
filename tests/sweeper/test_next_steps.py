"""The commands worth typing next are commands."""

from __future__ import annotations

import dataclasses
import shlex
from pathlib import Path
from typing import Any

import pytest

from benchmarks.arrivals import understood
from sweeper.history import Trial
from sweeper.next_steps import commands
from sweeper.settings import Trainer
from trainers.trial import flatten


def asked(table: Path, *arguments: str) -> Any:
    made = understood(table, *arguments)
    return dataclasses.replace(made, settings=dataclasses.replace(made.settings, trainer=Trainer("sft")))


def trial(params: dict[str, Any], **training: Any) -> Trial:
    return Trial("t", 0, params, {"training": {"max_steps": 200, "num_train_epochs": 3.0, **training}})


def test_the_winner_for_twice_as_long(table: Path) -> None:
    made = asked(
        table, "sweep.name=s", "lora.r=8,16", "quantization=none,nf4", "training.max_steps=100", "lora.dropout=0.1"
    )
    found = commands(made, trial({"lora.r": 16, "quantization": "nf4"}, max_steps=100))
    assert found[0] == "lora-report leaderboard s"  # tests write no report
    assert commands(asked(table, "sweep.name=s", "sweep.report=true"), None)[0] == "lora-report report s"
    elsewhere = commands(asked(table, "sweep.name=s", "sweep.report=true", "sweep.dir=my sweeps"), None)
    assert elsewhere[0] == "lora-report report s --output 'my sweeps/s'"
    words = shlex.split(found[3])
    assert words[0] == "lora-sweep" and set(words) >= {
        "lora.r=16",
        "quantization=nf4",
        "lora.dropout=0.1",
        "training.max_steps=200",
    }
    assert not any(word.startswith("sweep.name") or word == "training.max_steps=100" for word in words)


def test_the_metric_and_a_folder_of_ones_own_are_kept(table: Path) -> None:
    made = asked(table, "lora.r=8,16", "sweep.metric=eval_macro_f1", "sweep.seed=3", "sweep.dir=mine")
    words = shlex.split(commands(made, trial({"lora.r": 8}), ["-m", "--config-dir", "my conf", "lora.r=8,16"])[3])
    assert words[:3] == ["lora-sweep", "--config-dir", "my conf"]
    assert {"sweep.metric=eval_macro_f1", "sweep.dir=mine"} <= set(words) and "sweep.seed=3" not in words


def test_epochs_are_doubled_where_they_decide(table: Path) -> None:
    made = asked(table, "lora.r=8,16", "training.max_steps=-1")
    found = commands(made, trial({"lora.r": 8}, max_steps=-1))[3]
    assert "training.num_train_epochs=6" in found


@pytest.mark.parametrize(
    ("key", "value", "word"),
    [
        ("lora.target_modules", ["q_proj", "v_proj"], 'lora.target_modules=["q_proj", "v_proj"]'),
        ("training.lr_scheduler_kwargs.num_cycles", 2, "+training.lr_scheduler_kwargs.num_cycles=2"),
        ("lora.use_rslora", True, "lora.use_rslora=true"),
        ("data.template", 'Say, "{text}" (a\\b)', r'data.template="Say, \"{text}\" (a\b)"'),
        ("lora.target_modules", ".*(q|v)_proj", 'lora.target_modules=".*(q|v)_proj"'),
        ("training.learning_rate", 0.0025706910915735542, "training.learning_rate=0.0025706910915735542"),
    ],
)
def test_values_survive_the_shell_and_hydra(table: Path, key: str, value: Any, word: str) -> None:
    (line,) = commands(asked(table, "lora.r=8,16"), trial({key: value}))[3:]
    assert word in shlex.split(line)
    plain = [item for item in shlex.split(line)[1:] if not item.startswith(("trainer", "replay"))]
    again = understood(table, *plain)
    config, problems = again.composer.trial({})
    assert config is not None and not problems
    assert flatten(config).get(key, value) == value


def test_nothing_completed_nothing_to_run_longer(table: Path) -> None:
    assert len(commands(asked(table, "lora.r=8,16"), None)) == 3


def test_recorded_curves_are_no_longer_than_they_are(table: Path) -> None:
    assert len(commands(understood(table, "lora.r=8,16"), trial({"lora.r": 8}))) == 3


def test_another_store_is_named(table: Path) -> None:
    found = commands(asked(table, "lora.r=8,16", "tracking.uri=sqlite:///a b.db", "tracking.experiment=e"), None)
    assert (
        found[0].startswith("lora-report leaderboard ")
        and "--tracking-uri 'sqlite:///a b.db' --experiment e" in found[0]
    )
    assert found[1] == found[0].replace("leaderboard", "diagnose")
    assert found[2] == "mlflow ui --workers 1 --backend-store-uri 'sqlite:///a b.db'"
