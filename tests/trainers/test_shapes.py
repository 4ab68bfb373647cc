"""Public shapes of rows become examples without a word of configuration."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from trainers.data import Example, load
from trainers.seam import TrialFailed
from trainers.trial import Data


def loaded(folder: Path, *rows: dict[str, Any], **more: Any) -> list[Example]:
    file = folder / "rows.json"
    file.write_text(json.dumps(rows))
    return load(Data("d", str(file), str(file), **more)).train


def wrong(folder: Path, *rows: dict[str, Any]) -> str:
    with pytest.raises(TrialFailed) as caught:
        loaded(folder, *rows)
    return str(caught.value)


def turns(*said: str) -> list[dict[str, str]]:
    roles = ("user", "assistant")
    return [{"role": roles[number % 2], "content": text} for number, text in enumerate(said)]


ALPACA_WITH_INPUT = """Below is an instruction that describes a task, paired with an input that provides further \
context. Write a response that appropriately completes the request.

### Instruction:
Add them.

### Input:
1, 2

### Response:
"""

ALPACA_WITHOUT = """Below is an instruction that describes a task. Write a response that appropriately completes the \
request.

### Instruction:
Say hello.

### Response:
"""


def test_alpaca_rows_get_the_prompt_their_authors_trained_with(tmp_path: Path) -> None:
    rows = [
        {"instruction": "Add them.", "input": "1, 2", "output": "3", "text": "the same, rendered"},
        {"instruction": "Say hello.", "input": "", "output": "Hello."},
        {"instruction": "Say hello.", "output": "Hello."},
    ]
    first, second, third = loaded(tmp_path, *rows)
    assert (first.prompt, first.completion) == (ALPACA_WITH_INPUT, "3")
    assert second == third == Example(ALPACA_WITHOUT, "Hello.")


def test_messages_keep_what_they_say_beside_role_and_content(tmp_path: Path) -> None:
    said = [{"role": "system", "content": "Be brief."}, *turns("Hi", "Hello"), {"role": "user", "content": "1+1?"}]
    last = {"role": "assistant", "content": "2", "name": "bot", "weight": None}
    (made,) = loaded(tmp_path, {"messages": [*said, last, *turns("Thanks")], "id": 7})
    assert made.messages == (*said, {"role": "assistant", "content": "2", "name": "bot"})
    assert (made.prompt, made.completion) == ("Be brief.\n\nHi\n\nHello\n\n1+1?", "2")


@pytest.mark.parametrize("column", ["messages", "conversations"])
def test_sharegpt_turns_become_messages(tmp_path: Path, column: str) -> None:
    said = [{"from": "human", "value": "Hi"}, {"from": "GPT", "value": "Hello"}]
    (made,) = loaded(tmp_path, {column: said, "id": "x", "system": "Be brief."})
    assert made.messages == ({"role": "system", "content": "Be brief."}, *turns("Hi", "Hello"))
    (made,) = loaded(tmp_path, {column: [{"from": "system", "value": "Say little."}, *said], "system": "Be brief."})
    assert made.messages[0]["content"] == "Say little." and len(made.messages) == 3


def test_a_list_for_each_field_is_a_list_of_turns(tmp_path: Path) -> None:
    """So the library datasets holds them."""
    (made,) = loaded(tmp_path, {"messages": {"role": ["user", "assistant"], "content": ["Hi", "Hello"]}})
    assert made.messages == tuple(turns("Hi", "Hello"))


def test_parts_of_text_are_one_text(tmp_path: Path) -> None:
    parts = [{"type": "text", "text": "Hel"}, {"type": "text", "text": "lo"}]
    (made,) = loaded(tmp_path, {"messages": [*turns("Hi"), {"role": "assistant", "content": parts}]})
    assert made.completion == "Hello"


def test_prompts_and_completions_of_turns_as_trl_takes_them(tmp_path: Path) -> None:
    prompt, completion = turns("Hi", "Hello", "1+1?"), [{"role": "assistant", "content": "2"}]
    (made,) = loaded(tmp_path, {"prompt": prompt, "completion": completion})
    assert made.messages == (*prompt, *completion) and made.completion == "2"
    assert "(completion that is no list of turns" in wrong(tmp_path, {"prompt": prompt, "completion": "2"})
    assert "(completion that is no text" in wrong(tmp_path, {"prompt": "2", "completion": completion})


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"messages": []}, "(no turn of the assistant)"),
        ({"messages": turns("Hi")}, "(no turn of the assistant)"),
        ({"messages": turns("Hi", " ")}, "(empty last turn of the assistant)"),
        (
            {"messages": [{"role": "narrator", "content": "x"}]},
            "(unknown role: turn 1 is of 'narrator'; known are system",
        ),
        ({"messages": [{"content": "x"}]}, "(unknown role: turn 1 is of None"),
        ({"messages": ["x"]}, "(turn that is no object: turn 1 is 'x')"),
        ({"messages": "x"}, "(messages that are no list of turns: 'x')"),
        ({"messages": [{"role": "user", "content": None}]}, "(content that is no text: turn 1 says None)"),
        ({"messages": [{"role": "user", "content": [{"type": "image"}]}]}, "(content that is no text: turn 1 says [{"),
        ({"messages": [{"role": "user", "content": "\ud800"}]}, "(content that is no Unicode: '\\ud800')"),
        ({"messages": turns("Hi", "Hello"), "tools": [{"name": "f"}]}, "(tools, which are not supported)"),
        ({"instruction": "Say hello.", "output": ""}, "(empty output)"),
        ({"instruction": "Say hello.", "input": {}, "output": "x"}, "(input that is no text: {})"),
        ({"prompt": "a", "completion": {"x": 1}}, "(completion that is no text: {'x': 1})"),
        ({"prompt": " ", "completion": "x"}, "(empty prompt)"),
    ],
)
def test_what_a_row_lacks_is_named(tmp_path: Path, row: dict[str, Any], words: str) -> None:
    assert words in wrong(tmp_path, row)


def test_rows_of_another_shape_than_the_first_are_bad_rows(tmp_path: Path) -> None:
    said = wrong(
        tmp_path, {"question": "?"}, {"text": "a"}, {"prompt": "a", "completion": "b"}, {"text": "a", "label": "x"}
    )
    assert "3 of 4 rows cannot be used (columns of another shape: 2, columns of no known shape: 1)" in said
    assert "'completion', 'prompt'; the first row has text)" in said


def test_rows_of_which_the_same_is_wrong_are_named_together(tmp_path: Path) -> None:
    said = wrong(tmp_path, {"text": "a"}, {"text": ""}, {"question": "?"}, {"text": ""})
    file = tmp_path / "rows.json"
    assert f": {file}:1, row 2, {file}:1, row 4 (empty text); {file}:1, row 3 (columns of no known" in said


def test_of_many_labels_a_message_names_a_few(tmp_path: Path) -> None:
    rows = ({"text": "a", "label": "q"}, {"text": "b", "label": "l1"})
    with pytest.raises(TrialFailed) as caught:
        loaded(tmp_path, *rows, labels=[f"l{number}" for number in range(300)])
    assert "unknown label: 'q'; known are l0, l1, l2, " in str(caught.value) and "l11 and 288 more)" in str(
        caught.value
    )


def test_blanks_begin_the_completion_and_line_breaks_end_the_prompt(tmp_path: Path) -> None:
    rows = [("2+2= ", "4"), ("2+2=", "4"), ("Answer:\n", "4"), ("Answer:\n \t", "4"), ("a", " b ")]
    made = loaded(tmp_path, *({"prompt": prompt, "completion": completion} for prompt, completion in rows))
    assert [(row.prompt, row.completion) for row in made] == [
        ("2+2=", " 4"),
        ("2+2=", "4"),
        ("Answer:\n", "4"),
        ("Answer:\n", " \t4"),
        ("a", " b "),
    ]
    assert [row.prompt + row.completion for row in made] == ["".join(row) for row in rows]


def test_no_token_of_gpt_4s_pattern_crosses_the_boundary(tmp_path: Path) -> None:
    """That of Llama 3 and Qwen, too: a break is a token with the colon before it, a blank with the word after it."""
    from tokenizers import Regex, pre_tokenizers

    pattern = r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    split = pre_tokenizers.Split(Regex(pattern), "isolated").pre_tokenize_str
    rows = [{"prompt": f"Answer:{ending}", "completion": "happy"} for ending in (" ", "\n", "\n\n")]
    alpaca = [{"instruction": "Say hello.", "input": given, "output": "Hello."} for given in ("", "Anna")]
    for row in [*loaded(tmp_path, *rows), *loaded(tmp_path, *alpaca)]:
        ends = {end for _, (_, end) in split(row.prompt + row.completion)}
        assert len(row.prompt) in ends
