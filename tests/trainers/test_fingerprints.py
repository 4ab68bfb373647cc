"""Fingerprints of what numbers depend on."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import torch
from tokenizers import AddedToken
from transformers import AutoTokenizer

from trainers import fingerprints
from trainers.loaded import Loaded
from trainers.trial import TrialConfig


def test_a_tokenizer_is_the_same_wherever_it_lies_and_whatever_it_did(micro_model: Path, tmp_path: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(micro_model)
    first = fingerprints.of_tokenizer(tokenizer)
    tokenizer("what a day", truncation=True, max_length=2, padding="max_length")
    shutil.copytree(micro_model, tmp_path / "elsewhere")
    moved = AutoTokenizer.from_pretrained(tmp_path / "elsewhere")
    assert first == fingerprints.of_tokenizer(tokenizer) == fingerprints.of_tokenizer(moved) and len(first) == 12
    moved.add_tokens([AddedToken("morning")])
    assert fingerprints.of_tokenizer(moved) != first


def test_a_slow_tokenizer_has_a_fingerprint_of_its_words() -> None:
    def slow(**words: int) -> SimpleNamespace:
        return SimpleNamespace(eos_token="</s>", get_vocab=lambda: words, bpe_ranks={("a", "b"): 0})

    one, same, other = slow(a=0, b=1), slow(b=1, a=0), slow(a=1, b=0)
    assert fingerprints.of_tokenizer(one) == fingerprints.of_tokenizer(same) != fingerprints.of_tokenizer(other)


def test_rows_are_the_same_where_what_is_evaluated_is(micro_trial: Callable[..., TrialConfig]) -> None:
    loaded = Loaded(torch.device("cpu"))

    def found(config: TrialConfig) -> str:
        facts = loaded.facts(config)
        assert len(facts["data.validation"]) == len(facts["tokenizer"]) == 12
        return facts["data.validation"]

    first = found(micro_trial(learning_rate=1e-3))
    assert found(micro_trial(learning_rate=1e-4, seed=7, max_length=59)) == first  # nothing is cut by either
    assert found(micro_trial(learning_rate=1e-3, max_length=12)) != first
    assert found(micro_trial(learning_rate=1e-3, template="Say: {text}")) != first
