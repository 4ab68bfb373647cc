"""What is known of the data before a command spends anything."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from sweeper.facts import Facts, facts_of
from sweeper.lengths import COUNTED, ESTIMATED, MOST_COUNTED, lengths_of
from sweeper.tokenizer_file import tokenizer_file
from trainers import data
from trainers.data import Example
from trainers.trial import Data, Lora, Model, Quantization, Training, TrialConfig


def config(rows: Path, model: str = "none/here", **training: Any) -> TrialConfig:
    asked = Training(**{"learning_rate": 1e-4, "max_steps": -1, **training})
    return TrialConfig(Model("m", model), Quantization(), Lora(8, 16), Data("rows", str(rows)), asked)


def test_rows_classes_and_length_without_a_tokenizer(rows: Path) -> None:
    facts = facts_of(config(rows))
    assert (facts.rows, facts.effective_rows, facts.exact, facts.metric) == (
        18,
        10,
        True,
        "eval_loss",
    )  # " again" makes no other row
    assert facts.labels == (("happy", 9), ("sad", 9))
    assert facts.tokens is not None and facts.tokens.source == ESTIMATED
    assert facts.tokens.p50 <= facts.tokens.p95 <= facts.tokens.p99 <= facts.tokens.longest


def test_max_samples_and_the_most_frequent_class_first(tmp_path: Path) -> None:
    lines = ["text,label", *(f"row {number},{'b' if number % 4 else 'a'}" for number in range(40))]
    (tmp_path / "r.csv").write_text("\n".join(lines))
    asked = config(tmp_path / "r.csv")
    asked = dataclasses.replace(asked, data=dataclasses.replace(asked.data, max_samples=20))
    facts = facts_of(asked)
    assert facts.rows == 20 and facts.labels == (("b", 15), ("a", 5))


def test_rows_that_cannot_be_read_are_none(tmp_path: Path) -> None:
    assert facts_of(config(tmp_path / "absent.csv")) == Facts(0, 0)


def test_plain_text_has_no_classes(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text("".join(json.dumps({"text": f"{word} now"}) + "\n" for word in "abcdefghij"))
    assert facts_of(config(tmp_path / "t.jsonl")).labels == ()


@pytest.mark.parametrize(
    ("training", "steps"),
    [
        ({"max_steps": 7}, 7),
        ({"max_steps": 0}, 0),
        ({"num_train_epochs": 1}, 3),  # 18 rows at 8
        ({"num_train_epochs": 2.5}, 8),
        ({"num_train_epochs": 2, "gradient_accumulation_steps": 2}, 4),
        ({"num_train_epochs": 1, "gradient_accumulation_steps": 64}, 1),
    ],
)
def test_steps_of_a_full_run(rows: Path, training: dict[str, Any], steps: int) -> None:
    assert facts_of(config(rows, **training)).steps == steps


def test_steps_are_those_of_transformers(rows: Path, micro_model: Path, tmp_path: Path) -> None:
    from torch.utils.data import DataLoader
    from transformers import AutoModelForCausalLM, Trainer, TrainingArguments

    asked = config(rows, num_train_epochs=2.5, per_device_train_batch_size=4, gradient_accumulation_steps=3)
    arguments = TrainingArguments(
        str(tmp_path), num_train_epochs=2.5, per_device_train_batch_size=4, gradient_accumulation_steps=3, use_cpu=True
    )
    trainer = Trainer(AutoModelForCausalLM.from_pretrained(micro_model), arguments)
    values = trainer.set_initial_training_values(arguments, DataLoader(list(range(18)), batch_size=4))
    assert facts_of(asked).steps == values[-1]


def test_packed_rows_fill_their_blocks(rows: Path) -> None:
    tokens = facts_of(config(rows)).tokens
    assert tokens is not None
    steps = facts_of(config(rows, packing=True, max_length=32, per_device_train_batch_size=1, num_train_epochs=1)).steps
    assert steps == -(-18 * tokens.mean // 32) < 18


def with_first_token(micro_model: Path, folder: Path) -> Path:
    """Copies the micro model's tokenizer; the copy begins every text with a token of its own."""
    from tokenizers import Tokenizer, processors
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer.from_file(str(micro_model / "tokenizer.json"))
    tokenizer.post_processor = processors.TemplateProcessing(single="<pad> $A", special_tokens=[("<pad>", 0)])
    tokenizer.enable_truncation(3)
    tokenizer.enable_padding(length=100)
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>", eos_token="</s>").save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))  # with truncation and padding, as some models come
    return folder


@pytest.mark.parametrize("has_first", [False, True])
def test_tokens_are_counted_as_the_trainer_makes_them(
    rows: Path, micro_model: Path, tmp_path: Path, has_first: bool
) -> None:
    from transformers import AutoTokenizer

    from trainers import tokens

    model = with_first_token(micro_model, tmp_path) if has_first else micro_model
    asked = config(rows, str(model), max_length=12)
    made = tokens.tokenize(data.load(asked.data), AutoTokenizer.from_pretrained(model), 10_000).train
    lengths = sorted(len(item.prompt) + len(item.completion) for item in made)
    found = facts_of(asked).tokens
    assert found is not None and found.source == COUNTED
    assert found.mean == sum(lengths) / len(lengths)
    assert (found.p50, found.longest) == (lengths[8], lengths[-1])
    assert 0 < found.truncated == sum(length > 12 for length in lengths) / len(lengths)


def test_a_tokenizer_that_cannot_be_read_is_estimated(rows: Path, tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text("{}")
    tokens = facts_of(config(rows, str(tmp_path))).tokens
    assert tokens is not None and tokens.source == ESTIMATED


def test_many_examples_are_sampled_evenly(rows: Path) -> None:
    examples = [Example("", "abcd" * (number % 100)) for number in range(3 * MOST_COUNTED)]
    found = lengths_of(config(rows), examples)
    assert found.source == f"{ESTIMATED}, 10,000 of the examples"
    assert found.mean == pytest.approx(50.5, rel=0.02) and (found.p95, found.p99) == (95, 99)


@pytest.mark.parametrize("revision", [None, "v2", "0" * 40])
def test_the_hubs_cache_is_read_as_its_client_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, revision: str | None
) -> None:
    from huggingface_hub import try_to_load_from_cache

    folder = tmp_path / "hub" / "models--org--name"
    for name, commit in (("main", "1" * 40), ("v2", "2" * 40)):
        (folder / "refs").mkdir(parents=True, exist_ok=True)
        (folder / "refs" / name).write_text(commit)
    for commit in ("0" * 40, "1" * 40, "2" * 40):
        (folder / "snapshots" / commit).mkdir(parents=True)
        (folder / "snapshots" / commit / "tokenizer.json").write_text("{}")
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    expected = try_to_load_from_cache("org/name", "tokenizer.json", cache_dir=tmp_path / "hub", revision=revision)
    assert str(tokenizer_file(Model("m", "org/name", revision))) == expected
    assert tokenizer_file(Model("m", "org/other")) is None
    assert tokenizer_file(Model("m", "bundled:tiny", cache_dir=str(tmp_path))) is None
