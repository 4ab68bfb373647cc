"""A dry run shows the data as they will be trained on; a sweep records the same, and its report shows it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from chat_templates import GEMMA
from shell import Shell

from sweeper import data_facts, data_text, previews
from sweeper.checks import boundary, chat
from sweeper.data_facts import as_record
from sweeper.facts import Facts
from sweeper.lengths import Lengths, lengths_of
from sweeper.own_tokenizer import own_tokenizer
from sweeper.scene import Hardware, Scene
from trainers.data import Example, load
from trainers.trial import Data, Lora, Model, Quantization, Training, TrialConfig

Sweep = Callable[..., list[str]]


def config(rows: Path, model: Path | str, **training: Any) -> TrialConfig:
    asked = Training(**{"learning_rate": 1e-4, "max_length": 60, **training})
    return TrialConfig(Model("m", str(model)), Quantization(), Lora(8, 16), Data("rows", str(rows)), asked)


def scene_of(tokens: Lengths) -> Scene:
    asked = config(Path("rows.csv"), "m")
    return Scene(asked, Facts(10, 10, tokens=tokens), 10, Hardware("cpu"))


def test_a_dry_run_shows_the_rows_and_starts_nothing(shell: Shell, micro_sweep: Sweep) -> None:
    done = shell.sweep("-m", *micro_sweep("data.max_samples=8,12"), "sweep.dry_run=true")
    assert done.returncode == 0, done.stderr
    assert "Data, data.max_samples=8\n  Rows: 20 read from " in done.stdout
    assert "8 trained on, 6 set aside for validation, 6 beyond data.max_samples=8\n" in " ".join(
        done.stdout.split("\n    ")
    )
    assert "Data, data.max_samples=12\n" in done.stdout and "| happy |             4 |      50.0 |" in done.stdout
    assert "Rows of the first of these data as they are trained on: ⟦ and ⟧ enclose what is trained on\n" in done.stdout
    assert done.stdout.count("⟦ happy</s>⟧") + done.stdout.count("⟦ sad</s>⟧") == 3
    assert list(shell.folder.iterdir()) == []


def test_the_same_as_json(shell: Shell, micro_sweep: Sweep) -> None:
    plan = json.loads(shell.sweep("-m", *micro_sweep("lora.r=2,4"), "sweep.dry_run=json").stdout)
    (found,) = plan["data"]
    assert found["read"] == found["used"] + found["set_aside"] + found["beyond"] == 20 and found["values"] == {}
    assert [row["row"] for row in plan["previews"]] == [1, 8, 14]
    assert all(0 < row["trained"] < row["tokens"] for row in plan["previews"])


def test_without_a_tokenizer_the_text_is_shown(rows: Path, tmp_path: Path) -> None:
    assert own_tokenizer(Model("m", str(tmp_path))) is None
    shown = previews.previews(config(rows, tmp_path))
    assert [row["tokens"] for row in shown] == [None] * 3
    text = "\n".join(data_text.lines([], shown))
    assert "the model's tokenizer is not on this machine" in text and "⟦ happy⟧" in text


def test_what_stands_in_data_is_shown_and_not_obeyed(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text(json.dumps({"prompt": "a\x1b[2Jb\tc", "completion": " d"}) + "\n")
    (tmp_path / "t.jsonl").write_text((tmp_path / "t.jsonl").read_text() * 4)
    lines = data_text.lines([], previews.previews(config(tmp_path / "t.jsonl", tmp_path)))
    assert "    a\\x1b[2Jb\\tc⟦ d⟧" in lines


def talk(*said: str) -> Example:
    roles = ("user", "assistant")
    return Example(said[0], said[-1], messages=tuple({"role": roles[n % 2], "content": t} for n, t in enumerate(said)))


def test_conversations_are_measured_as_they_are_trained_on(micro_model: Path, rows: Path) -> None:
    from transformers import AutoTokenizer

    from trainers.data import Rows
    from trainers.tokens import tokenize

    talks = [talk("what a day", "joy"), talk("and now", "so glad you came", "ever", "tears"), talk("joy " * 40, "ever")]
    asked = config(rows, micro_model, max_length=70)
    found = lengths_of(asked, talks)
    made = tokenize(Rows(talks, talks), AutoTokenizer.from_pretrained(micro_model), 10_000).train
    lengths = sorted(len(row.prompt) + len(row.completion) for row in made)
    assert (found.p50, found.longest, found.chat) == (lengths[1], lengths[2], "chatml")
    assert found.truncated == pytest.approx(sum(length > 70 for length in lengths) / 3)
    cut = tokenize(Rows(talks, talks), AutoTokenizer.from_pretrained(micro_model), 70).cut_train
    assert found.dropped == pytest.approx(cut.dropped / 3)


def test_how_conversations_are_rendered_is_told(micro_model: Path, rows: Path, tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    plain = lengths_of(config(rows, micro_model), [talk("a", "b")])
    (warned,) = chat.check(scene_of(plain))
    assert (warned.severity, warned.key) == ("warning", "model.path") and "-Instruct" in warned.remedy
    tokenizer = AutoTokenizer.from_pretrained(micro_model)
    tokenizer.chat_template = GEMMA
    tokenizer.save_pretrained(tmp_path / "gemma")
    strict = config(rows, tmp_path / "gemma")
    (noted,) = chat.check(scene_of(lengths_of(strict, [talk("a", "b")])))
    assert noted.severity == "note" and "turn by turn" in noted.number
    refused = [dataclasses.replace(talk("a", "b"), place="t.json:3", messages=({"role": "assistant", "content": "a"},))]
    (error,) = chat.check(scene_of(lengths_of(strict, refused)))
    assert error.severity == "error" and error.rule.startswith("t.json:3: the model's chat template does not take")


def test_tokens_across_the_boundary_are_warned_of(micro_model: Path, rows: Path) -> None:
    asked = config(rows, micro_model)
    crossing = lengths_of(asked, [Example("so hap", "py"), Example("so", " happy")])
    assert crossing.crossing == 0.5
    (warned,) = boundary.check(scene_of(crossing))
    assert warned.severity == "warning" and warned.number.startswith("50.0 % of the examples")
    assert not list(boundary.check(scene_of(lengths_of(asked, [Example("so", " happy")]))))


def test_of_many_labels_the_frequent_and_the_rare_are_told(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    rows = [f"word,label {number:02}\n" for number in range(40) for _ in range(60 - number)]
    file.write_text("text,label\n" + "".join(rows))
    told = data_facts.labels_of(load(Data("d", str(file), str(file))))
    assert len(told) == 31 and (told[0]["label"], told[-1]["label"]) == ("label 00", "label 39")
    assert told[20]["label"] == "… 10 more labels …" and sum(label["train"] for label in told) == len(rows)


def test_a_tag_has_room_for_it() -> None:
    labels = [{"label": f"label {number}", "train": 1} for number in range(60)]
    large = [{"read": 1, "places": ["p" * 120] * 10, "labels": labels, "left_out": {}} for _ in range(6)]
    record = as_record(large)
    assert len(json.dumps(record)) <= 8000 and len(record["data"]) == 6 and "labels" not in record["data"][0]
    assert as_record(large[:1]) == {"data": large[:1]}


def test_long_values_are_shortened(rows: Path) -> None:
    found = data_facts._facts(config(rows, "org/none"), {"data.template": "long " * 2000 + "{text}"})
    assert found is not None and found["values"]["data.template"].endswith("…")
    assert len(json.dumps(as_record([found] * 6))) <= 8000
