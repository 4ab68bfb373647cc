"""Rows become examples; what is wrong with them is named."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from trainers import sources
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
        ('{"text": "a"}\n{oops\n', "1 of 2 rows cannot be used (not JSON: 1): {file}:2 (not JSON: Expecting"),
        ("[1]\n", "(no JSON object: 1): {file}:1 (no JSON object)"),
        ('{"text": "a"}\n{"text": null}\n', "{file}:2 (empty text)"),
        ('{"text": "a", "label": "x"}\n{"text": " ", "label": "x"}\n', "{file}:2 (empty text)"),
        ('{"text": "a", "label": "x"}\n{"text": "b", "label": null}\n', "{file}:2 (empty label)"),
        (
            '{"text": "a", "label": "x"}\n{"text": "b"}\n',
            "{file}:2 (columns of another shape: 'text'; the first row has text and label)",
        ),
        ('{"prompt": "a", "completion": ""}\n', "1 of 1 rows cannot be used (empty completion: 1)"),
        ('{"text": "a"}\n', "has one row"),
        (
            '{"question": "a", "answer": "b"}\n',
            "{file}:1 (columns of no known shape: 'answer', 'question'); try: columns that are called messages, or",
        ),
        ('{"text": "a", "label": "x"}\n{"text": "b", "label": "q"}\n', "{file}:2 (unknown label: 'q'; known are x, y)"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, content: str, words: str) -> None:
    (tmp_path / "rows.jsonl").write_text(content)
    with pytest.raises(TrialFailed) as caught:
        load(Data("d", str(tmp_path / "rows.jsonl"), labels=["x", "y"]))
    assert words.replace("{file}", str(tmp_path / "rows.jsonl")) in str(caught.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"text,label\na\n", "CSV:2 (fewer cells than the header: 1 instead of 2)"),
        (b"text,label\na,x\nb,c,d\n", "CSV:3 (more cells than the header: 3 instead of 2)"),
        (
            "text\ncaf\xe9\n".encode("latin-1"),
            "CSV:2 is not UTF-8 (invalid continuation byte at byte 8); `iconv -f WIN",
        ),
        ("text\na\n".encode("utf-16"), "`iconv -f UTF-16 -t UTF-8` may make it so"),
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
    files = [sources.file_rows(data_path(f"bundled:emotion/{name}.jsonl")) for name in ("train", "validation", "test")]
    texts = [row["text"] for file in files for row in file]
    assert len(set(texts)) == len(texts)
    for file in files:
        shares = Counter(row["label"] for row in file)
        assert set(shares) == {"happy", "sad", "anger", "fear", "disgust", "surprise"}
        assert min(shares.values()) / len(file) < 0.1 < max(shares.values()) / len(file)
    assert data_path("bundled:emotion/README.md").is_file()


ROWS = [{"text": f"t{number}", "label": "ab"[number % 2]} for number in range(8)]


def parquet(file: Path, rows: list[dict[str, Any]]) -> str:
    import pandas as pd

    file.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows).to_parquet(file)
    return str(file)


def test_parquet(tmp_path: Path) -> None:
    path = parquet(tmp_path / "rows.parquet", ROWS)
    rows = load(Data("d", path, path))
    assert [item.prompt for item in rows.train] == [f"t{number}" for number in range(8)] and rows.labels == ("a", "b")


def test_what_is_no_parquet_is_named(tmp_path: Path) -> None:
    (tmp_path / "rows.parquet").write_text("text,label")
    with pytest.raises(TrialFailed, match=r"rows\.parquet is no Parquet file"):
        load(Data("d", str(tmp_path / "rows.parquet")))


@pytest.mark.parametrize("below", ["", "data"])
def test_a_folder_with_splits(tmp_path: Path, below: str) -> None:
    parquet(tmp_path / below / "train-00000-of-00002.parquet", ROWS[:3])
    parquet(tmp_path / below / "train-00001-of-00002.parquet", ROWS[3:6])
    (tmp_path / below / "validation.jsonl").write_text(json.dumps(ROWS[6]) + "\n")
    (tmp_path / below / "training_notes.csv").write_text("a,b\n1,2\n")
    rows = load(Data("d", str(tmp_path)))
    assert [item.prompt for item in rows.train] == ["t0", "t1", "t2", "t3", "t4", "t5"]
    assert [item.prompt for item in rows.validation] == ["t6"]


def test_a_folder_without_validation_rows_is_split(tmp_path: Path) -> None:
    jsonl(tmp_path, *ROWS)
    (tmp_path / "rows.jsonl").rename(tmp_path / "train.jsonl")
    rows = load(Data("d", str(tmp_path), validation_fraction=0.25))
    assert (len(rows.train), len(rows.validation)) == (6, 2)


def test_a_folder_without_the_split_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrialFailed, match="has no rows in its split train"):
        load(Data("d", str(tmp_path)))


def test_a_data_set_as_the_hub_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`load_dataset` reads a folder as it reads a download; its classes' numbers become their names."""
    import datasets

    made = datasets.Dataset.from_list([{"text": f"t{number}", "label": number % 2} for number in range(8)])
    made = made.cast_column("label", datasets.ClassLabel(names=["bad", "good"]))
    for split, part in {"train": made.select(range(6)), "validation": made.select([6, 7])}.items():
        part.to_parquet(tmp_path / "org" / "set" / f"{split}-00000-of-00001.parquet")
    loaded = datasets.load_dataset
    monkeypatch.setattr(
        datasets,
        "load_dataset",
        lambda path, *rest, **more: loaded(str(tmp_path / path), cache_dir=str(tmp_path / "cache")),
    )
    rows = load(Data("d", "org/set"))
    assert rows.labels == ("bad", "good") and len(rows.train) == 6
    assert [item.completion for item in rows.validation] == [" bad", " good"]


def test_a_data_set_that_cannot_be_loaded_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    def fails(*arguments: Any, **more: Any) -> None:
        raise datasets.exceptions.DatasetNotFoundError("Dataset 'org/none' doesn't exist on the Hub")

    monkeypatch.setattr(datasets, "load_dataset", fails)
    with pytest.raises(TrialFailed, match=r"doesn't exist on the Hub.*hf auth login"):
        load(Data("d", "org/none"))


@pytest.mark.parametrize(("labels", "words"), [(["a", " a"], "names 'a' twice"), (["a", " "], "names an empty label")])
def test_labels_are_named_once(tmp_path: Path, labels: list[str], words: str) -> None:
    (tmp_path / "r.jsonl").write_text('{"text": "t", "label": "a"}\n' * 3)
    data = Data("d", str(tmp_path / "r.jsonl"), labels=[" a ", "b"])
    assert load(data).labels == ("a", "b")
    with pytest.raises(TrialFailed, match=words):
        load(dataclasses.replace(data, labels=labels))
