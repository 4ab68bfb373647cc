"""Rows as a person sees them before a sweep: what is trained on is marked, and nothing of it is invented."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import transformers
from chat_templates import CHATML

from trainers.data import Example, Rows
from trainers.preview import MOST_SHOWN, chosen, preview, without_tokens
from trainers.tokens import IGNORED, tokenize


@pytest.fixture(scope="module")
def tokenizer(micro_model: Path) -> Any:
    return transformers.AutoTokenizer.from_pretrained(micro_model)


TALK = tuple(
    {"role": role, "content": text}
    for role, text in (("user", "what a day"), ("assistant", "joy"), ("user", "and now"), ("assistant", "tears"))
)


def test_the_completion_and_the_end_are_marked(tokenizer: Any) -> None:
    shown = preview(3, Example("what a day:", " joy", place="rows.csv:4", weight=2.0), tokenizer, 60)
    assert (shown.row, shown.place, shown.text, shown.weight) == (3, "rows.csv:4", "what a day:⟦ joy</s>⟧", 2)
    assert shown.trained == len(tokenizer(" joy</s>")["input_ids"]) and shown.cut == 0


@pytest.mark.parametrize("completion_only", [True, False])
@pytest.mark.parametrize("most", [7, 200])
@pytest.mark.parametrize("messages", [(), TALK])
def test_it_counts_what_is_trained(tokenizer: Any, completion_only: bool, most: int, messages: Any) -> None:
    tokenizer.chat_template = CHATML
    example = Example("what a lovely day:", " joy filled the room", messages=messages)
    whole = Rows([example, Example("", "a b")], [Example("", "a b")])
    made = tokenize(whole, tokenizer, most, completion_only).train
    row = made[0] if len(made) == 2 else None  # else nothing of it is left to train on
    shown = preview(1, example, tokenizer, most, completion_only)
    labels = [] if row is None else row.row()["labels"][1:]  # nothing predicts the first
    assert shown.trained == len(labels) - labels.count(IGNORED)
    assert shown.tokens == min(most, (shown.tokens or 0) + shown.cut)
    assert (f"[cut here, at {most} tokens: {shown.cut} more]" in shown.text) == (shown.cut > 0)


def test_every_answer_of_a_conversation_is_marked(tokenizer: Any) -> None:
    tokenizer.chat_template = CHATML
    shown = preview(1, Example("", "", messages=TALK), tokenizer, 200)
    assert shown.text.count("⟦") == 2 and shown.way == "turns"
    assert "<|im_start|>assistant\n⟦joy<|im_end|>\n⟧<|im_start|>user\nand now<|im_end|>" in shown.text


def test_without_a_tokenizer_the_text_is_split(tokenizer: Any) -> None:
    shown = without_tokens(1, Example("a:", " b"))
    assert (shown.text, shown.tokens, shown.trained) == ("a:⟦ b⟧", None, None)
    assert without_tokens(1, Example("a:", " b"), completion_only=False).text == "⟦a: b⟧"


def test_of_a_long_passage_the_middle_is_left_out(tokenizer: Any) -> None:
    shown = preview(1, Example("begin " + "joy " * 400 + "end:", " joy"), tokenizer, 10_000)
    left = len("begin " + "joy " * 400 + "end:") - MOST_SHOWN
    assert shown.text.startswith("begin joy") and shown.text.endswith("end:⟦ joy</s>⟧")
    assert f" […{left:,} characters…] " in shown.text and len(shown.text) < MOST_SHOWN + 60


def test_a_token_across_the_boundary_is_told(tokenizer: Any) -> None:
    shown = preview(1, Example("so hap", "py"), tokenizer, 60)
    assert shown.crosses and shown.text == "so⟦ happy</s>⟧"


def test_the_first_the_middle_and_the_last() -> None:
    assert [list(chosen(count)) for count in (0, 1, 2, 3, 10)] == [[], [0], [0, 1], [0, 1, 2], [0, 5, 9]]
