"""Other people's runs, from the JSON that their Trainer left."""

from __future__ import annotations

import json
import math
import pickle
from pathlib import Path
from typing import Any

import pytest

from analysis.report_error import ReportError
from analysis.trainer_state import read

LOG: list[dict[str, Any]] = [
    {"epoch": 0.1, "grad_norm": 0.5, "learning_rate": 5e-5, "loss": 2.7, "mean_token_accuracy": 0.4, "step": 10},
    {"epoch": 0.2, "grad_norm": math.nan, "learning_rate": 2e-5, "loss": math.inf, "num_tokens": 900.0, "step": 20},
    {"epoch": 0.2, "eval_loss": 2.9, "eval_mean_token_accuracy": 0.45, "eval_runtime": 3.0, "step": 20},
    {"epoch": 0.2, "eval_macro_f1": 0.3, "step": 20},
]


def written(folder: Path, log: Any = LOG, **state: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "trainer_state.json"
    file.write_text(json.dumps({"global_step": 20, "max_steps": 500, "log_history": log, **state}))
    return file


def test_a_run_is_read_under_our_names(tmp_path: Path) -> None:
    run = read(written(tmp_path / "mine"))
    assert run.name == "mine"
    assert run.curve.losses == ((10, 2.7), (20, math.inf)) and run.curve.evals == ((20, 2.9),)
    assert run.curve.learning_rates == ((10, 5e-5), (20, 2e-5))
    assert run.curve.grad_norms[0] == (10, 0.5) and math.isnan(run.curve.grad_norms[1][1])
    assert run.curve.measured == {
        "mean_token_accuracy": ((10, 0.4),),
        "token_accuracy": ((20, 0.45),),
        "eval_macro_f1": ((20, 0.3),),
    }
    assert (run.curve.steps, run.curve.outcome) == (500, "interrupted")


def test_a_run_that_was_summed_up_is_complete(tmp_path: Path) -> None:
    summary = {"train_loss": 2.6, "train_runtime": 60.0, "total_flos": 1.0, "step": 20}
    run = read(written(tmp_path, [*LOG, summary]))
    assert run.curve.outcome == "complete" and set(run.curve.measured) & set(summary) == set()


def test_a_folder_means_its_newest_checkpoint_unless_it_has_a_state_itself(tmp_path: Path) -> None:
    for step in (90, 100, 20):
        written(tmp_path / "out" / f"checkpoint-{step}", [{"loss": 1.0, "step": step}])
    (tmp_path / "out" / "checkpoint-300").mkdir()
    run = read(tmp_path / "out")
    assert (run.name, run.curve.losses) == ("out", ((100, 1.0),))
    written(tmp_path / "out", [{"loss": 1.0, "step": 7}])
    assert read(tmp_path / "out").curve.losses == ((7, 1.0),)


def test_the_adapter_beside_it_is_known(tmp_path: Path) -> None:
    config = {
        "r": 32,
        "lora_alpha": 64,
        "lora_dropout": 0.1,
        "use_rslora": True,
        "target_modules": ["v_proj", "q_proj"],
    }
    folder = written(tmp_path / "checkpoint-20", train_batch_size=1).parent
    (folder / "adapter_config.json").write_text(json.dumps({**config, "peft_type": "LORA", "bias": None}))
    assert read(tmp_path).params == {
        "lora.r": 32,
        "lora.alpha": 64,
        "lora.dropout": 0.1,
        "lora.use_rslora": True,
        "lora.target_modules": ["q_proj", "v_proj"],
        "training.max_steps": 500,
        "training.per_device_train_batch_size": 1,
    }


def test_a_pickle_is_left_alone(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> Any:
            return (Path.touch, (tmp_path / "touched",))

    (tmp_path / "training_args.bin").write_bytes(pickle.dumps(Evil()))
    read(written(tmp_path).parent)
    assert not (tmp_path / "touched").exists()


def test_steps_come_in_order_and_once(tmp_path: Path) -> None:
    log = [{"loss": 3.0, "step": 20}, {"loss": 2.0, "step": 10}, {"loss": 1.0, "step": 20.0}, {"loss": 9.0}, "noise"]
    assert read(written(tmp_path, log)).curve.losses == ((10, 2.0), (20, 1.0))


def test_the_only_named_data_set_is_the_evaluation(tmp_path: Path) -> None:
    run = read(written(tmp_path, [{"eval_val_loss": 1.5, "step": 5}]))
    assert run.curve.evals == ((5, 1.5),) and run.curve.measured == {}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"{", "is not the JSON that a transformers Trainer writes: Expecting"),
        (b"[1]", "it holds no object"),
        (b"\xff\xfe{", "is not the JSON"),
        (b"[" * 100_000, "is not the JSON"),
        (b'{"log_history": {}}', "has no log_history"),
        (b'{"log_history": [], "max_steps": Infinity}', "neither a loss nor an evaluation"),
        (b'{"log_history": [{"loss": true, "step": 1}, {"loss": 1, "step": "2"}]}', "neither a loss nor"),
    ],
)
def test_what_is_no_state_is_one_clear_message(tmp_path: Path, content: bytes, words: str) -> None:
    file = tmp_path / "trainer_state.json"
    file.write_bytes(content)
    with pytest.raises(ReportError, match=words) as caught:
        read(tmp_path)
    assert str(file) in str(caught.value)


def test_a_folder_without_one_says_what_to_give(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="give the Trainer's output folder"):
        read(tmp_path)
    with pytest.raises(ReportError, match="cannot be read: No such file"):
        read(tmp_path / "no-such.json")


def test_an_integer_beyond_floats_is_infinite(tmp_path: Path) -> None:
    (tmp_path / "trainer_state.json").write_text('{"log_history": [{"step": 1, "loss": 1' + "0" * 400 + "}]}")
    assert read(tmp_path).curve.losses == ((1, math.inf),)
