"""A template's places are filled from the row, its other braces are text, and labels follow it in one way."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from trainers.data import Rows, completion_of, load, prompt_of
from trainers.seam import TrialFailed
from trainers.trial import Data

EMOTION = yaml.safe_load((Path(__file__).parents[2] / "conf/data/emotion.yaml").read_text()) | {"generated_rows": 0}


def loaded(folder: Path, *rows: dict[str, Any], **more: Any) -> Rows:
    file = folder / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return load(Data("d", str(file), str(file), **more))


def prompt(folder: Path, row: dict[str, Any], template: str, **more: Any) -> str:
    return loaded(folder, row, template=template, **more).train[0].prompt


def test_the_emotion_prompt_is_what_it_was() -> None:
    rows = load(Data(**EMOTION))
    assert rows.train[0].prompt == (
        "Instruction: Classify the emotion in the following text.\n"
        "Choose from: happy, sad, anger, fear, disgust, surprise.\n"
        "\n"
        f"Text: {rows.train[0].text}\n"
        "\n"
        "Answer:"
    )
    assert {row.completion for row in rows.train} == {f" {label}" for label in EMOTION["labels"]}
    assert prompt_of(rows.train[0].text, Data(**EMOTION), rows.labels) == rows.train[0].prompt
    named = load(Data(**{**EMOTION, "template": "instruction"}))
    assert named == rows and [row.prompt for row in named.train] == [row.prompt for row in rows.train]


ROW = {"text": "so {text} {choices}", "label": "a", "topic": "rain", "n": 3, "instruction": "Judge."}


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{topic} {n}: {text}", "rain 3: so {text} {choices}"),
        ("{instruction} {choices}? {text}", "Judge. a? so {text} {choices}"),
        (
            '{"say": {text}, "x": {"y": {}}} {0} { text } {',
            '{"say": so {text} {choices}, "x": {"y": {}}} {0} { text } {',
        ),
        ("{{text}} is {text}", "{text} is so {text} {choices}"),
    ],
)
def test_places_are_filled_and_other_braces_are_text(tmp_path: Path, template: str, expected: str) -> None:
    assert prompt(tmp_path, ROW, template, instruction="of the settings") == expected


def test_the_instruction_of_the_settings_is_for_rows_without_one(tmp_path: Path) -> None:
    rows = [{"text": "a", "label": "x"}, {"text": "b", "label": "x", "instruction": ""}, {**ROW, "label": "x"}]
    made = loaded(tmp_path, *rows, template="{instruction}: {text}", instruction="Say").train
    assert [row.prompt.partition(":")[0] for row in made] == ["Say", "Say", "Judge."]


def test_alpacas_template_by_name(tmp_path: Path) -> None:
    made = prompt(tmp_path, {"text": "a", "label": "x"}, "alpaca", instruction="Judge.")
    assert "### Instruction:\nJudge.\n\n### Input:\na\n\n### Response:\n" in made
    assert "### Instruction:\nGo on\n\n### Response:\n" in prompt_of("Go on", Data("d", "", template="alpaca"))


def test_a_typed_prompt_is_an_instruction_as_those_of_the_rows_are(tmp_path: Path) -> None:
    (tmp_path / "r.jsonl").write_text('{"instruction": "Go on", "output": "yes"}\n' * 3)
    data = Data("d", str(tmp_path / "r.jsonl"), instruction="not of these rows")
    rows = load(data)
    assert rows.instructed and prompt_of("Go on", data, instructed=rows.instructed) == rows.train[0].prompt
    assert not load(dataclasses.replace(data, template="Q: {text}")).instructed


def test_templates_around_prompts_and_instructions(tmp_path: Path) -> None:
    row = loaded(tmp_path, {"prompt": "1+1", "completion": "2"}, template="Q: {prompt}\nA: ").train[0]
    assert (row.prompt, row.completion) == ("Q: 1+1\nA:", " 2")
    rows = [{"instruction": "Add", "input": "1, 2", "output": "3"}, {"instruction": "Sing", "output": "La"}]
    made = loaded(tmp_path, *rows, template="{instruction}|{input}|\n").train
    assert [(row.prompt, row.completion) for row in made] == [("Add|1, 2|\n", "3"), ("Sing||\n", "La")]


@pytest.mark.parametrize(
    ("template", "asked", "answer"),
    [
        (None, "t", " x"),
        ("{text}", "t", " x"),
        ("{text} ->", "t ->", " x"),
        ("{text} -> ", "t ->", " x"),
        ("{text}:\n", "t:\n", "x"),
        ("{text}:\n  ", "t:\n", "  x"),
    ],
)
def test_a_label_follows_its_prompt_in_one_way(tmp_path: Path, template: str | None, asked: str, answer: str) -> None:
    rows = loaded(tmp_path, {"text": "t", "label": "x"}, {"text": "t ", "label": " x"}, template=template)
    assert [row.completion for row in rows.train] == [answer, answer] == [completion_of("x", rows.separator)] * 2
    assert rows.train[0].prompt == asked
    if template is None:
        assert rows.train[1].prompt == asked


def test_variants_stand_in_the_template_of_their_row(tmp_path: Path) -> None:
    row = {"text": "one two three four", "label": "x", "topic": "rain"}
    made = loaded(tmp_path, row, template="{topic}: {text}", augmentation="eda").train
    assert len(made) == 3 and all(item.prompt == f"rain: {item.text}" for item in made)


LABELLED = {"text": "a", "label": "x", "topic": "t"}


@pytest.mark.parametrize(
    ("row", "template", "words"),
    [
        (LABELLED, "{txt} {text}", "nothing fills {txt}; there is {text}, {choices}, {instruction}, {label}, {topic}"),
        (LABELLED, "instrution", "has no place for a row's text, {text}, so that every prompt would be the same"),
        (LABELLED, "{topic}?", "has no place for a row's text"),
        (LABELLED, "{instruction} {text}", "neither a column of the rows nor data.instruction fills it"),
        (
            {"prompt": "a", "completion": "b"},
            "{text} {choices}",
            "has a place for {choices}, and these rows have no lab",
        ),
        ({"text": "a"}, "{text}", "rows of text have no prompt of their own"),
        ({"messages": [{"role": "assistant", "content": "a"}]}, "{text}", "rows of messages have no prompt"),
    ],
)
def test_what_is_wrong_with_a_template_is_said_once(
    tmp_path: Path, row: dict[str, Any], template: str, words: str
) -> None:
    with pytest.raises(TrialFailed) as caught:
        loaded(tmp_path, row, template=template)
    assert str(caught.value).startswith("data.template: ") and words in str(caught.value)


def test_a_row_without_a_column_of_the_template_is_a_bad_row(tmp_path: Path) -> None:
    with pytest.raises(TrialFailed, match=r"rows\.jsonl:2 \(no column topic: the template has a place for it\)"):
        loaded(tmp_path, LABELLED, {"text": "b", "label": "x"}, template="{topic} {text}")


def test_turns_take_no_template(tmp_path: Path) -> None:
    turns = {"prompt": [{"role": "user", "content": "a"}], "completion": [{"role": "assistant", "content": "b"}]}
    with pytest.raises(TrialFailed, match=r"rows\.jsonl:1 \(turns, around which no template stands: data\.template="):
        loaded(tmp_path, turns, template="Say {text}")
