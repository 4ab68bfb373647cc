"""Examples as token ids: what is cut and counted, and what the loss is on."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import transformers
from chat_templates import CHATML, THINKING
from packs import Drive, with_lora

from trainers import data, sft
from trainers.data import Example, Rows
from trainers.packed.trainer import PackedTrainer
from trainers.registry import Resources
from trainers.seam import TrialFailed
from trainers.tokens import IGNORED, TokenRows, Tokens, tokenize
from trainers.trial import TrialConfig

Made = Callable[..., TrialConfig]

PAIRS = [Example("what a day:", " joy"), Example("best cake", " ever", weight=2.5), Example("we laughed", " all day")]


@pytest.fixture(scope="module")
def tokenizer(micro_model: Path) -> Any:
    return transformers.AutoTokenizer.from_pretrained(micro_model)


def talk(*said: str) -> Example:
    roles = ("user", "assistant")
    turns = tuple({"role": roles[at % 2], "content": text} for at, text in enumerate(said))
    return Example(" ".join(said[:-1]), said[-1], messages=turns)


def made(tokenizer: Any, train: Sequence[Example], max_length: int = 200, **how: Any) -> TokenRows:
    return tokenize(Rows(list(train), [PAIRS[0]]), tokenizer, max_length, **how)


def test_the_whole_text_is_trained_on_where_it_is_asked_for(tokenizer: Any) -> None:
    usual, whole = made(tokenizer, PAIRS), made(tokenizer, PAIRS, completion_only=False)
    for plain, every in zip(usual.train, whole.train, strict=True):
        assert (every.prompt, every.completion) == ((), plain.prompt + plain.completion)
        assert every.row()["labels"] == every.row()["input_ids"] == plain.row()["input_ids"]
    assert whole.validation == usual.validation and whole.fingerprint == usual.fingerprint  # the objective is the same


def test_an_end_that_a_row_brings_along_is_no_second_one(tokenizer: Any) -> None:
    ends = [Example("what a day:", f" joy{end}") for end in ("", "</s>", "</s></s>")]
    once, brought, twice = made(tokenizer, ends).train
    assert once == brought and twice.completion == (*once.completion, tokenizer.eos_token_id)


def test_weights_come_along(tokenizer: Any) -> None:
    assert [row.weight for row in made(tokenizer, PAIRS).train] == [1, 2.5, 1]


def test_rows_are_those_kept_and_those_reported(tokenizer: Any) -> None:
    texts = [" ".join(["joy"] * count) for count in (1, 5, 9)]
    rows = [Example(text + ":", " ever") for text in texts]
    lengths = [len(row.prompt) for row in made(tokenizer, rows).train]
    found = made(tokenizer, [*rows, *rows], max_length=lengths[1] + 1)
    cut = found.cut_train
    assert (cut.rows, cut.dropped, cut.truncated, len(found.train)) == (6, 2, 2, 4)
    assert found.facts["data.train_dropped"] == 2 and found.facts["data.train_truncated"] == 2
    assert found.facts["data.validation_dropped"] == found.facts["data.validation_truncated"] == 0
    whole = made(tokenizer, [*rows, *rows], max_length=lengths[1] + 1, completion_only=False)
    assert (whole.cut_train.dropped, whole.cut_train.truncated, len(whole.train)) == (0, 4, 6)


def test_a_token_across_the_boundary_is_counted(tokenizer: Any) -> None:
    merged = [Example("so hap", "py"), *PAIRS]
    found = made(tokenizer, merged)
    assert found.cut_train.crossing == found.facts["data.train_crossing"] == 1
    assert tokenizer.decode(found.train[0].prompt) == "so"  # the token is the completion's
    assert "data.train_crossing" not in made(tokenizer, PAIRS).facts


def test_the_loss_is_on_every_answer_of_a_conversation(tokenizer: Any) -> None:
    tokenizer.chat_template = CHATML
    (row,) = made(tokenizer, [talk("what a day", "so glad", "and now", "joy")]).train
    counted = [token for token in row.row()["labels"] if token != IGNORED]
    assert tokenizer.decode(counted) == "so glad<|im_end|>\njoy<|im_end|>\n"
    assert tokenizer.decode(row.prompt) == "<|im_start|>user\nwhat a day<|im_end|>\n<|im_start|>assistant\n"
    assert row.predicted == len(counted) and row.trained is not None and not all(row.trained)
    (single,) = made(tokenizer, [talk("what a day", "so glad")]).train
    assert single.trained is None  # nothing lies between its answers


def test_a_conversation_is_cut_and_one_with_nothing_left_is_counted(tokenizer: Any) -> None:
    tokenizer.chat_template = CHATML
    talks = [talk("joy", "so glad", "and now", "joy"), talk("the house is empty now " * 5, "joy")]
    whole = made(tokenizer, talks).train[0]
    least = len(whole.prompt) + 4
    found = made(tokenizer, talks, max_length=least)
    assert (found.cut_train.dropped, found.cut_train.truncated, found.way) == (1, 1, "turns")
    (row,) = found.train
    assert (row.prompt, row.completion) == (whole.prompt, whole.completion[:4]) and row.trained is None
    every = made(tokenizer, talks, max_length=least, completion_only=False).train
    assert [len(row.completion) for row in every] == [least, least] and all(not row.prompt for row in every)


def test_conversations_trained_on_by_their_last_answer_are_counted(tokenizer: Any) -> None:
    tokenizer.chat_template = THINKING
    talks = [talk("joy", "<think>hm</think>so glad", "and now", "joy"), talk("joy", "so glad")]
    found = made(tokenizer, talks)
    assert found.facts["data.train_last_turn"] == 1 and found.facts["data.chat"] == "last, turns"


def test_a_template_changes_what_is_evaluated(tokenizer: Any) -> None:
    rows, prints = Rows([talk("joy", "so glad")], [talk("and now", "joy")]), []
    for template in (CHATML, CHATML.replace("assistant", "model"), CHATML):
        tokenizer.chat_template = template
        prints.append(tokenize(rows, tokenizer, 200).fingerprint)
    assert prints[0] == prints[2] != prints[1]


def test_nothing_left_at_all_is_refused(tokenizer: Any) -> None:
    with pytest.raises(TrialFailed, match="max_length=3 cuts off every completion of the training rows"):
        made(tokenizer, PAIRS, max_length=3)


@pytest.mark.parametrize("kind", ["whole text", "conversations"])
def test_a_pack_trains_as_trials_alone_do(
    micro_trial: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    config = micro_trial(learning_rate=1e-2, max_steps=4, eval_steps=2, logging_steps=1)
    config = dataclasses.replace(
        config, training=dataclasses.replace(config.training, completion_only_loss=kind == "conversations")
    )
    if kind == "conversations":
        talks = [talk("joy", "so glad", "ever", "all day"), talk("tears", "all night"), talk("a", "joy", "b", "c")]
        monkeypatch.setattr(data, "load", lambda asked: Rows(talks * 4, talks))
        monkeypatch.setattr("trainers.chat.CHATML", SHORT)
    trials = {f"r{r}": with_lora(config, r=r, alpha=2 * r) for r in (2, 4)}
    together = Drive(PackedTrainer(Resources(capacity=2)), tmp_path, trials).run()
    alone = Drive(sft.make(Resources()), tmp_path, trials).run()
    for name, one in alone.items():
        assert len(one.rungs) == 2 and together[name].rungs.keys() == one.rungs.keys()
        for step, values in one.rungs.items():
            assert together[name].rungs[step] == pytest.approx(values, rel=1e-5), (name, step)
        for step, point in one.curve.items():
            assert together[name].curve[step]["loss"] == pytest.approx(point["loss"], rel=1e-5)


SHORT = (  # the micro model has 64 positions
    "{% for m in messages %}{% if m['role'] == 'assistant' %}>{% generation %}{{ m['content'] + eos_token }}"
    "{% endgeneration %}{% else %}<{{ m['content'] }}{% endif %}{% endfor %}{% if add_generation_prompt %}>{% endif %}"
)


def test_nothing_predicts_the_first_token_of_an_empty_prompt() -> None:
    assert Tokens((), (5, 6, 7)).predicted == 2 and Tokens((1,), (5, 6, 7)).predicted == 3
