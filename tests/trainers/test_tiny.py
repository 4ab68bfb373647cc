"""The recipe of the tiny model, cut down to a few steps."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerFast

from trainers import bundled, data, sources, tiny
from trainers.tiny import bags, exercises, items, pretraining, text, tokenizer, vectors
from trainers.trial import Data

EMOTION = yaml.safe_load((Path(__file__).parents[2] / "conf/data/emotion.yaml").read_text())


@pytest.fixture(scope="module")
def sentences() -> list[str]:
    return text.sentences()[:48]


@pytest.fixture(scope="module")
def words(sentences: list[str]) -> PreTrainedTokenizerFast:
    return tokenizer.train(sentences, text.documentation())


@pytest.fixture
def shortened(monkeypatch: pytest.MonkeyPatch, sentences: list[str]) -> None:
    monkeypatch.setattr(text, "sentences", lambda: sentences)
    monkeypatch.setattr(exercises, "REPETITIONS", 1)
    monkeypatch.setattr(items, "DOCUMENTATION_SHARE", 0.005)


def stays_itself(tokens: PreTrainedTokenizerFast, written: str) -> bool:
    return bool(tokens.decode(tokens(written)["input_ids"], clean_up_tokenization_spaces=False) == written)


def test_every_label_is_one_token(words: PreTrainedTokenizerFast) -> None:
    prompt = data.prompt_of("Nobody came.", Data(**{**EMOTION, "generated_rows": 0}), EMOTION["labels"])
    before = words(prompt)["input_ids"]
    for label in EMOTION["labels"]:
        after = words(prompt + data.completion_of(label))["input_ids"]
        assert after[:-1] == before and words.decode(after[-1:]) == f" {label}"


@pytest.mark.parametrize(
    "written", ["It's over, isn't it?", "naïve café 🙂", "  two  spaces\n\n\ttab", "</s", "a , b ."]
)
def test_texts_survive_the_tokenizer(words: PreTrainedTokenizerFast, written: str) -> None:
    assert stays_itself(words, written)


def test_the_vocabulary_is_made_for_the_sentences(words: PreTrainedTokenizerFast, sentences: list[str]) -> None:
    assert len(words) == tokenizer.SIZE
    assert words.convert_tokens_to_ids(tokenizer.SPECIAL) == [tokenizer.PAD, tokenizer.BOS, tokenizer.EOS]
    assert all(stays_itself(words, sentence) for sentence in sentences)
    tokens = sum(len(words(sentence)["input_ids"]) for sentence in sentences)
    assert tokens < 1.5 * sum(len(sentence.split()) for sentence in sentences)


def test_labels_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = sources.file_rows(bundled.data_path("bundled:emotion/train.jsonl"))
    monkeypatch.setattr(sources, "file_rows", lambda path: [{"text": row["text"]} for row in rows])
    without = text.sentences()
    labels = random.Random(0).sample([row["label"] for row in rows], len(rows))
    shuffled = [{**row, "label": label} for row, label in zip(rows, labels, strict=True)]
    monkeypatch.setattr(sources, "file_rows", lambda path: shuffled)
    assert text.sentences() == without == [row["text"] for row in rows]


def made_exercises(sentences: list[str], words: PreTrainedTokenizerFast) -> list[items.Item]:
    return exercises.exercises(sentences, bags.presence(sentences, words), words, random.Random(0))


def test_exercises_ask_for_words_of_their_text(words: PreTrainedTokenizerFast, sentences: list[str]) -> None:
    made = made_exercises(sentences, words)
    assert len(made) == exercises.REPETITIONS * len(sentences)
    kinds = {"Name the word": 0, "Leave out:": 0, "Except:": 0, "Repeat": 0}
    for item in made:
        assert item.answer is not None
        prompt, completion = item.ids[: item.answer.position + 1], item.ids[item.answer.position + 1 :]
        written, sentence = words.decode(prompt), sentences[item.answer.sentence]
        assert written.startswith("Instruction: ") and written.endswith(f"\n\nText: {sentence}\n\nAnswer:")
        assert completion[1] == tokenizer.EOS and completion[0] in words(f" {sentence}")["input_ids"]
        assert item.answer.named in (None, completion[0])
        if item.answer.named is not None:
            assert words.decode(completion[:1]) in written.split("\n")[1].replace(".", "").replace(",", "")
        for kind in kinds:
            kinds[kind] += kind in written.split("\n\n", maxsplit=1)[0]
    assert all(kinds.values())


def test_what_is_expected_is_mostly_the_sentence_itself(words: PreTrainedTokenizerFast, sentences: list[str]) -> None:
    present = bags.presence(sentences, words)
    expected = bags.expected_tokens(present)
    assert torch.allclose(expected.sum(1), torch.ones(len(sentences))) and (expected >= 0).all()
    assert ((expected * present).sum(1) >= 1 - bags.NEIGHBOURS_SHARE - 1e-5).all()


def test_words_of_one_context_have_alike_vectors() -> None:
    rng = random.Random(0)
    present = torch.zeros(400, 200)
    for row in range(400):  # two topics of a hundred tokens each
        present[row, [100 * (row % 2) + rng.randrange(100) for _ in range(10)]] = 1
    made = vectors.vectors(present).values
    nearness = made @ made.T
    assert torch.allclose(nearness.diagonal().sqrt(), torch.ones(200), atol=0.01)
    assert nearness[:100, :100].mean() > nearness[:100, 100:].mean() + 0.02


@pytest.mark.usefixtures("shortened")
def test_a_build_loads_repeats_and_disturbs_nobody(tmp_path: Path) -> None:
    threads = torch.get_num_threads() + 1  # more than one
    torch.set_num_threads(threads)
    for name in ("one", "two"):
        torch.rand(1)  # each build finds another state
        state, pythons = torch.random.get_rng_state(), random.getstate()
        tiny.build(tmp_path / name)
        assert torch.equal(torch.random.get_rng_state(), state) and random.getstate() == pythons
        assert torch.get_num_threads() == threads
    torch.set_num_threads(threads - 1)
    for name in ("model.safetensors", "tokenizer.json", "config.json"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "one")
    loaded = AutoTokenizer.from_pretrained(tmp_path / "one")
    assert 0.7e6 < sum(parameter.numel() for parameter in model.parameters()) < 1.3e6
    assert loaded.eos_token_id == model.config.eos_token_id and loaded.pad_token_id == model.config.pad_token_id
    assert model(**loaded("Hello there", return_tensors="pt")).logits.shape[-1] == len(loaded)
    assert {path.name for path in tmp_path.iterdir()} == {"one", "two"}


def interrupted(*args: Any) -> None:
    raise KeyboardInterrupt


@pytest.mark.usefixtures("shortened")
def test_an_interrupted_build_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    threads = torch.get_num_threads()
    monkeypatch.setattr(pretraining, "train", interrupted)
    with pytest.raises(KeyboardInterrupt):
        tiny.build(tmp_path / "model")
    assert not list(tmp_path.iterdir()) and torch.get_num_threads() == threads


def saved(content: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        folder.mkdir()
        (folder / "config.json").write_text(content)

    return write


def test_the_leftover_of_a_killed_build_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(folder: Path) -> None:
        saved("half")(folder)
        (folder / "stray").touch()
        raise KeyboardInterrupt

    monkeypatch.setattr(tiny, "_write", killed)
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(shutil, "rmtree", lambda *args, **kwargs: None)  # as if there was no time to clean up
        tiny.build(tmp_path / "model")
    assert [path.name for path in tmp_path.iterdir()] == ["model.unfinished"]
    monkeypatch.setattr(tiny, "_write", saved("whole"))
    tiny.build(tmp_path / "model")
    assert [path.name for path in tmp_path.rglob("*")] == ["model", "config.json"]
