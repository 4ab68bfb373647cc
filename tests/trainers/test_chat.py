"""Conversations: rendered by the model's chat template, with the loss on what the assistant says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import transformers
import trl
from chat_templates import CHATML, GEMMA, LLAMA_3, MARKED, THINKING
from trl.chat_template_utils import get_training_chat_template

from trainers.chat import Chat, Conversation, trained_by_trl
from trainers.seam import TrialFailed

TALK = [
    {"role": "user", "content": "what a day"},
    {"role": "assistant", "content": "so glad"},
    {"role": "user", "content": "and now"},
    {"role": "assistant", "content": "tears all night"},
]
SYSTEM = {"role": "system", "content": "be kind"}

Tokenizer = Callable[[str | None], Any]


@pytest.fixture(scope="module")
def tokenizer(micro_model: Path) -> Tokenizer:
    found = transformers.AutoTokenizer.from_pretrained(micro_model)

    def templated(template: str | None) -> Any:
        found.chat_template = template
        return found

    return templated


def said(tokenizer: Any, made: Conversation) -> list[str]:
    """Returns the passages that are trained on."""
    passages: list[list[int]] = []
    for at, (token, counts) in enumerate(zip(made.ids, made.trained, strict=True)):
        if counts and (at == 0 or not made.trained[at - 1]):
            passages.append([])
        if counts:
            passages[-1].append(token)
    return [tokenizer.decode(passage) for passage in passages]


@pytest.mark.parametrize(
    ("template", "way", "expected"),
    [
        (MARKED, "markers", ["so glad<|im_end|>", "tears all night<|im_end|>"]),
        (CHATML, "turns", ["so glad<|im_end|>\n", "tears all night<|im_end|>\n"]),
        (LLAMA_3, "turns", ["so glad<|eot_id|>", "tears all night<|eot_id|>"]),
        (GEMMA, "turns", ["so glad<end_of_turn>\n", "tears all night<end_of_turn>\n"]),
        (None, "chatml", ["so glad</s>", "tears all night</s>"]),
    ],
)
def test_what_the_assistant_says_is_trained_on(
    tokenizer: Tokenizer, template: str | None, way: str, expected: list[str]
) -> None:
    made = Chat(found := tokenizer(template)).conversation(TALK)
    assert (made.way, said(found, made)) == (way, expected)
    whole = found.decode(made.ids)
    assert all(message["content"] in whole for message in TALK)


def test_where_earlier_answers_change_the_last_alone_is_trained_on(tokenizer: Tokenizer) -> None:
    chat = Chat(found := tokenizer(THINKING))
    thought = [{**turn, "content": f"<think>hm</think>{turn['content']}"} for turn in TALK]
    made = chat.conversation([TALK[0], thought[1], TALK[2], thought[3]])
    assert (made.way, said(found, made)) == ("last", ["<think>hm</think>tears all night<|im_end|>\n"])
    assert "hm" not in found.decode(made.ids).split("and now")[0]  # as the model will see it
    plain = chat.conversation(TALK)
    assert plain.way == "turns" and len(said(found, plain)) == 2  # nothing was thought, so nothing changes


def test_what_follows_the_last_answer_is_left_out(tokenizer: Tokenizer) -> None:
    chat = Chat(tokenizer(CHATML))
    assert chat.conversation([*TALK, {"role": "user", "content": "bye"}]) == chat.conversation(TALK)
    assert chat.conversation(TALK[:1]).ids == ()


def test_an_answer_that_opens_a_conversation_is_trained_on(tokenizer: Tokenizer) -> None:
    made = Chat(found := tokenizer(CHATML)).conversation(TALK[1:])
    assert said(found, made) == ["so glad<|im_end|>\n", "tears all night<|im_end|>\n"]


@pytest.mark.parametrize("template", [CHATML, LLAMA_3, f"{{{{ '<|im_start|>system\n' }}}}{CHATML}"])
def test_what_a_template_writes_before_an_opening_answer_is_not_trained_on(tokenizer: Tokenizer, template: str) -> None:
    made = Chat(found := tokenizer(template)).conversation([TALK[1], TALK[0], TALK[3]])
    assert made.way == "turns" and [text.startswith(("so", "tears")) for text in said(found, made)] == [True, True]


def test_a_template_that_writes_nothing_of_a_text_is_refused(tokenizer: Tokenizer) -> None:
    parts = CHATML.replace("{{ m['content'] }}", "{% for part in m['content'] %}{{ part['text'] }}{% endfor %}")
    with pytest.raises(TrialFailed, match="leaves out what is said"):
        Chat(tokenizer(parts)).conversation(TALK)


def test_a_system_message_that_a_template_refuses_stands_before_the_first_question(tokenizer: Tokenizer) -> None:
    chat = Chat(found := tokenizer(GEMMA))
    made = chat.conversation([SYSTEM, *TALK])
    assert made.has_merged and "<start_of_turn>user\nbe kind\n\nwhat a day<end_of_turn>" in found.decode(made.ids)
    assert not chat.conversation(TALK).has_merged
    with_system = Chat(tokenizer(CHATML)).conversation([SYSTEM, *TALK])
    assert not with_system.has_merged and len(said(found, with_system)) == 2


@pytest.mark.parametrize("turns", [[TALK[0], TALK[0], TALK[1]], [SYSTEM, TALK[1]]])
def test_a_refused_conversation_is_named_with_what_the_template_says(
    tokenizer: Tokenizer, turns: list[dict[str, str]]
) -> None:
    with pytest.raises(TrialFailed, match=r"^talk.json, row 3: .*does not take this conversation \(.+\); try turns"):
        Chat(tokenizer(GEMMA)).conversation(turns, "talk.json, row 3")


def test_a_question_ends_where_the_answer_begins(tokenizer: Tokenizer) -> None:
    chat = Chat(found := tokenizer(CHATML))
    asked = chat.question("what a day")
    assert found.decode(asked) == "<|im_start|>user\nwhat a day<|im_end|>\n<|im_start|>assistant\n"
    assert list(chat.conversation(TALK[:2]).ids[: len(asked)]) == asked


def test_an_answer_ends_with_the_last_special_token_of_its_turn(micro_model: Path) -> None:
    found = transformers.AutoTokenizer.from_pretrained(micro_model)
    found.add_special_tokens({"additional_special_tokens": ["<|im_end|>", "<|channel|>"]})
    found.add_tokens(["<think>"])
    found.chat_template = CHATML
    said = [found(text)["input_ids"] for text in ("<|channel|>a <think> b<|im_end|>\n", "cut <think> he")]
    assert Chat(found).ends(said) == {found.convert_tokens_to_ids("<|im_end|>")}


def test_a_template_that_writes_the_date_writes_the_same_one_every_day(tokenizer: Tokenizer) -> None:
    chat = Chat(found := tokenizer("{{ strftime_now('%d %b %Y') }}: " + CHATML))
    made = chat.conversation(TALK)
    assert found.decode(made.ids).startswith("26 Jul 2024: <|im_start|>") and len(said(found, made)) == 2


def trl_templates() -> list[str]:
    folder = Path(trl.__file__).parent / "chat_templates"
    return sorted(file.name for file in folder.glob("*_training.jinja"))


@pytest.mark.parametrize("name", ["llama3", "gemma", "qwen3", "qwen2_5", "phi3"])
def test_known_templates_are_masked_as_trl_masks_them(tokenizer: Tokenizer, name: str) -> None:
    folder = Path(trl.__file__).parent / "chat_templates"
    found = tokenizer((folder / f"{name}.jinja").read_text())
    asked = get_training_chat_template(found)
    assert trained_by_trl(found.chat_template) == asked
    how = {"chat_template": asked, "return_dict": True, "return_assistant_tokens_mask": True}
    theirs = found.apply_chat_template(TALK, **how)
    made = Chat(found).conversation(TALK)
    assert made.way == "markers" and list(made.ids) == theirs["input_ids"]
    assert [int(counts) for counts in made.trained] == theirs["assistant_masks"] and any(made.trained)


def test_every_training_template_of_trl_is_found() -> None:
    folder = Path(trl.__file__).parent / "chat_templates"
    names = trl_templates()
    assert len(names) > 20
    for name in names:
        original = (folder / name.replace("_training", "")).read_text()
        assert trained_by_trl(original) == (folder / name).read_text()
    assert trained_by_trl(CHATML) is None
