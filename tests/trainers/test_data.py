"""Rows become examples; what is wrong with them is named."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from trainers import data
from trainers.bundled import data_path
from trainers.data import Example, load
from trainers.seam import TrialFailed
from trainers.trial import Data


def jsonl(folder: Path, *rows: dict[str, Any]) -> str:
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def test_the_shapes(tmp_path: Path) -> None:
    path = jsonl(tmp_path, {"prompt": "1+1=", "completion": "2"}, {"prompt": "2+2=", "completion": "4"})
    assert load(Data("d", path, path)).train == [Example("1+1=", "2"), Example("2+2=", "4")]
    path = jsonl(tmp_path, {"text": "one"}, {"text": "two"})
    assert load(Data("d", path, path)).train == [Example("", "one"), Example("", "two")]
    path = jsonl(tmp_path, {"text": "nice", "label": "good"}, {"text": "meh", "label": "bad"})
    rows = load(Data("d", path, path, template="{text}?"))
    assert rows.labels == ("bad", "good")
    assert rows.train == [Example("nice?", " good", 1), Example("meh?", " bad", 0)]


def test_csv_with_quotes_commas_and_crlf(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_bytes('text,label\r\n"a, ""quoted"" one",x\r\ntwo 🙂,y\r\n'.encode())
    rows = load(Data("d", str(tmp_path / "r.csv"), str(tmp_path / "r.csv")))
    assert [example.prompt for example in rows.train] == ['a, "quoted" one', "two 🙂"]


def test_braces_in_a_text_are_text(tmp_path: Path) -> None:
    path = jsonl(tmp_path, {"text": "{label} {0}", "label": "x"})
    assert load(Data("d", path, path, template="say {text}:")).train[0].prompt == "say {label} {0}:"


def test_the_split_is_stratified_and_always_the_same(tmp_path: Path) -> None:
    rows = [{"text": f"{label}{number}", "label": label} for label in "ab" for number in range(20)]
    made = [load(Data("d", jsonl(tmp_path, *rows), validation_fraction=0.2)) for _ in range(2)]
    assert made[0] == made[1]
    assert Counter(example.completion for example in made[0].validation) == {" a": 4, " b": 4}
    assert len(made[0].train) == 32


def test_a_subset_is_stratified(tmp_path: Path) -> None:
    rows = [{"text": f"{label}{number}", "label": label} for label in "ab" for number in range(20)]
    path = jsonl(tmp_path, *rows)
    chosen = load(Data("d", path, path, max_samples=10)).train
    assert Counter(example.completion for example in chosen) == {" a": 5, " b": 5}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "has no rows"),
        ('{"text": "a"}\n{oops\n', "rows.jsonl:2 is not JSON"),
        ("[1]\n", "rows.jsonl:1 is not a JSON object"),
        ('{"text": "a"}\n{"text": null}\n', "row 2 has an empty text"),
        ('{"text": "a", "label": "x"}\n{"text": " ", "label": "x"}\n', "row 2 has an empty text"),
        ('{"text": "a", "label": "x"}\n{"text": "b", "label": null}\n', "row 2 has an empty label"),
        ('{"text": "a", "label": "x"}\n{"text": "b"}\n', "row 2 has the columns text; looked for"),
        ('{"prompt": "a", "completion": ""}\n', "row 1 has an empty completion"),
        ('{"text": "a"}\n', "has one row"),
        ('{"question": "a", "answer": "b"}\n', "has the columns answer, question; looked for"),
        ('{"text": "a", "label": "x"}\n{"text": "b", "label": "q"}\n', "row 2 has the label 'q'; known are x, y"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, content: str, words: str) -> None:
    (tmp_path / "rows.jsonl").write_text(content)
    with pytest.raises(TrialFailed) as caught:
        load(Data("d", str(tmp_path / "rows.jsonl"), labels=["x", "y"]))
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"text,label\na\n", "row 1 has fewer cells than the header"),
        (b"text,label\na,x\nb,c,d\n", "row 2 has more cells than the header"),
        ("text\ncaf\xe9\n".encode("latin-1"), "is not UTF-8"),
    ],
)
def test_what_is_wrong_with_a_csv_is_named(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "rows.CSV").write_bytes(content)
    with pytest.raises(TrialFailed) as caught:
        load(Data("d", str(tmp_path / "rows.CSV")))
    assert words in str(caught.value)


def test_byte_order_marks_and_spaces_in_headers(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_bytes(b"\xef\xbb\xbftext, label\na,x\nb,y\n")
    assert load(Data("d", str(tmp_path / "r.csv"), str(tmp_path / "r.csv"))).labels == ("x", "y")
    (tmp_path / "r.jsonl").write_bytes(b'\xef\xbb\xbf{"text": "a\xe2\x80\xa8b"}\n{"text": "c"}\n')
    assert len(load(Data("d", str(tmp_path / "r.jsonl"), str(tmp_path / "r.jsonl"))).train) == 2


@pytest.mark.parametrize("count", [1, 2, 7, 10, 39])
def test_a_subset_has_exactly_as_many_rows(tmp_path: Path, count: int) -> None:
    path = jsonl(tmp_path, *({"text": f"{number}", "label": "abc"[number % 3]} for number in range(40)))
    assert len(load(Data("d", path, path, max_samples=count)).train) == count


def test_the_bundled_sentences() -> None:
    emotion = yaml.safe_load((Path(__file__).parents[2] / "conf/data/emotion.yaml").read_text())
    rows = load(Data(**emotion))
    assert len(rows.train) >= 1200 and len(rows.train) + len(rows.validation) >= 1800
    files = [data.read(f"bundled:emotion/{name}.jsonl") for name in ("train", "validation", "test")]
    texts = [row["text"] for file in files for row in file]
    assert len(set(texts)) == len(texts)
    for file in files:
        shares = Counter(row["label"] for row in file)
        assert set(shares) == {"happy", "sad", "anger", "fear", "disgust", "surprise"}
        assert min(shares.values()) / len(file) < 0.1 < max(shares.values()) / len(file)
    assert data_path("bundled:emotion/README.md").is_file()
