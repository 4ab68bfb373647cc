"""Whatever a file looks like, each of its rows is used or named with its line, and none is lost."""

from __future__ import annotations

import csv
import io
import json
import re
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainers import row_files
from trainers.data import load, read_test
from trainers.found_rows import BadRow, Row
from trainers.seam import TrialFailed
from trainers.trial import Data


def read(folder: Path, name: str, content: str | bytes) -> list[tuple[int, Any]]:
    """Returns the line of every row, and its values, or why it is a bad one."""
    file = folder / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    found = row_files.rows_of(file)
    lines = [int(row.place.removeprefix(f"{file}:").removeprefix(f"{file}, row ").split(",")[0]) for row in found]
    return [(line, row.values if isinstance(row, Row) else row.reason) for line, row in zip(lines, found, strict=True)]


def test_csv_records_are_named_by_the_line_they_begin_in(tmp_path: Path) -> None:
    content = 'text,label\r\n"one\r\nand a half, ""quoted""",x\r\n\r\ntwo 🙂,y\r\nthree\r\na,b,c\r\n'
    assert read(tmp_path, "r.csv", content) == [
        (2, {"text": 'one\r\nand a half, "quoted"', "label": "x"}),
        (5, {"text": "two 🙂", "label": "y"}),
        (6, "fewer cells than the header"),
        (7, "more cells than the header"),
    ]


def test_a_quote_that_is_not_closed_swallows_nothing_silently(tmp_path: Path) -> None:
    content = 'text,label\na,x\n"b,y\nc,x\n"d",y\n"e,x\nf,y\n'
    assert read(tmp_path, "r.csv", content) == [
        (2, {"text": "a", "label": "x"}),
        (3, "not CSV"),
        (6, "not CSV"),
    ]
    details = [row.detail for row in row_files.rows_of(tmp_path / "r.csv") if isinstance(row, BadRow)]
    assert [detail.rpartition(", ")[2] for detail in details] == ["through line 5", "through line 7"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_csv_as_spreadsheets_write_it(tmp_path: Path, delimiter: str, ending: str) -> None:
    lines = [("text", "label"), ("a, or; b", "x"), ("🙂\tc", "y")]
    content = io.StringIO()
    csv.writer(content, delimiter=delimiter, lineterminator=ending).writerows(lines)
    found = read(tmp_path, "r.csv", b"\xef\xbb\xbf" + content.getvalue().encode())
    assert found == [(number, dict(zip(lines[0], line, strict=True))) for number, line in enumerate(lines[1:], start=2)]


def test_lines_of_blanks_are_no_records(tmp_path: Path) -> None:
    content = 'text,label\n  \na,x\n\t\n" ",y\n,\n"b\n  \n",y\n'
    expected = [(3, {"text": "a", "label": "x"}), (5, {"text": " ", "label": "y"}), (6, {"text": "", "label": ""})]
    assert read(tmp_path, "r.csv", content) == [*expected, (7, {"text": "b\n  \n", "label": "y"})]
    assert read(tmp_path, "r.tsv", "text\tlabel\n\t\na\tx\n")[0] == (2, {"text": "", "label": ""})


def test_a_cell_longer_than_the_library_takes(tmp_path: Path) -> None:
    before = csv.field_size_limit()
    assert read(tmp_path, "r.csv", f"text\n{'a' * 200_000}\n") == [(2, {"text": "a" * 200_000})]
    assert csv.field_size_limit() == before


@pytest.mark.parametrize(
    ("content", "words"), [("text,text\na,b\n", "names the column 'text' twice"), (",\na,b\n", "no")]
)
def test_a_header_that_names_no_columns(tmp_path: Path, content: str, words: str) -> None:
    with pytest.raises(TrialFailed, match=f"the header of .* names {words}" if words == "no" else words):
        read(tmp_path, "r.csv", content)


ROWS: list[dict[str, Any]] = [{"prompt": 'a "}]', "completion": "b"}, {"prompt": "c", "completion": "d", "more": [{}]}]


@pytest.mark.parametrize("indent", [None, 0, 4])
@pytest.mark.parametrize("wrapped", [False, True])
def test_json_arrays_and_objects_around_them(tmp_path: Path, indent: int | None, wrapped: bool) -> None:
    whole: Any = {"version": 1, "of": {"x": [1]}, "data": ROWS} if wrapped else ROWS
    text = json.dumps(whole, indent=indent)
    lines = [text.count("\n", 0, match.start()) + 1 for match in re.finditer(r'\{\s*"prompt"', text)]
    assert read(tmp_path, "r.json", text) == list(zip(lines, ROWS, strict=True))
    assert lines == [1, 1] if indent is None else lines[1] == lines[0] + 4


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"text": "a"}\n\n{"text": "b"}\n', [(1, {"text": "a"}), (3, {"text": "b"})]),  # an object a line
        ('{"text": "a"}', [(1, {"text": "a"})]),
        ('{"messages": [1]}', [(1, {"messages": [1]})]),  # a row, and no list of rows
        ('{"x": [1], "t": "a"}\n{"x": [], "t": "b"}', [(1, {"x": [1], "t": "a"}), (2, {"x": [], "t": "b"})]),
        ('[\n{"a": 1},\n{oops},\n{"b": 2}]', [(2, {"a": 1}), (3, "not JSON"), (4, {"b": 2})]),
        ('[\n{"a": 1},\n{"x": "no end},\n{"b": 2}]', [(2, {"a": 1}), (3, "not JSON"), (4, {"b": 2})]),
        ('[\n {"a": {},\n {"b": {\n  "y": 2}},\n {"c": 3}]', [(2, "not JSON"), (3, {"b": {"y": 2}}), (5, {"c": 3})]),
        ('[{"a": 1},\n2, "x", [{}], {"b": 2}]', [(1, {"a": 1}), *[(2, "no JSON object")] * 3, (2, {"b": 2})]),
        ('[{"a": 1},\n{"b": ', [(1, {"a": 1}), (2, "not JSON")]),
        ('[{"a": 1}\n', [(1, {"a": 1}), (2, "not JSON")]),
        ('[{"a": 1}]\n{"b": 2}', [(1, {"a": 1}), (1, "not JSON")]),
        ('{"data": [{"a": 1},\n{oops},\n{"b": 2}]}', [(1, {"a": 1}), (2, "not JSON"), (3, {"b": 2})]),
        ('{"v": 1, "rows": [{"a": 1},\n{oops},\n{"b": 2}]}', [(1, {"a": 1}), (2, "not JSON"), (3, {"b": 2})]),
        ('{"t": "a", "tags": ["x" "y"]}\n{"t": "b"}', [(1, "not JSON"), (2, {"t": "b"})]),  # a row that is broken
        ('[{"a": 1}, {"a": [2}, {"a": {"b": [3]}}]', [(1, {"a": 1}), (1, "not JSON"), (1, {"a": {"b": [3]}})]),
        ("[]", []),
        ("", []),
        ("\n nonsense\n", [(2, "not JSON")]),
    ],
)  # fmt: skip
def test_json_of_any_kind(tmp_path: Path, text: str, expected: list[tuple[int, Any]]) -> None:
    assert read(tmp_path, "r.json", text) == expected


def test_brackets_without_end_are_no_traceback(tmp_path: Path) -> None:
    deep = '{"a": ' + "[" * 100_000
    assert [reason for _, reason in read(tmp_path, "r.jsonl", f"{deep}\n")] == ["not JSON"]
    assert [reason for _, reason in read(tmp_path, "r.json", f"[{deep}")] == ["not JSON"]


# What a file may hold besides good rows; whether it can be one depends on the file.
GOOD = [{"text": "a", "label": "x"}, {"text": "b\nc, 'd'", "label": "y", "more": 1}, {"text": 3, "label": "x"}]
BAD = [
    *({"text": "", "label": "x"}, {"text": "a", "label": " "}, {"text": "a", "label": None}, {"text": "a"}, {}),
    *({"text": ["a"], "label": "x"}, {"prompt": "a", "completion": "b"}, {"text": "\ud800", "label": "x"}, [], [1, {}]),
]  # fmt: skip


def content_of(rows: list[Any], style: str) -> str:
    written = [row if isinstance(row, str) and row.startswith("{") else json.dumps(row) for row in rows]
    return "\n".join(written) if style == "jsonl" else "[\n" + ",\n".join(written) + "\n]"


@settings(max_examples=80, deadline=None)
@given(
    rows=st.lists(st.sampled_from([*GOOD, *GOOD, *GOOD, *BAD, "{oops", '{"text": "a}', "{]"]), max_size=20),
    style=st.sampled_from(["jsonl", "json"]),
    fraction=st.sampled_from([0.1, 0.5, 0.9]),
    most=st.sampled_from([None, 1, 3]),
    balance=st.sampled_from(["none", "oversample", "undersample", "weights"]),
)
def test_as_many_rows_are_read_as_are_accounted_for(
    rows: list[Any], style: str, fraction: float, most: int | None, balance: Any
) -> None:
    whole = [*GOOD, *rows]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"rows.{style}"
        file.write_text(content_of(whole, style))
        made = {"validation_fraction": fraction, "max_samples": most, "class_balance": balance}
        data = Data("d", str(file), on_bad_rows="skip", augmentation="eda", augmentation_factor=2, **made)
        loaded = load(data)
        _, tested = read_test(Data("d", "", test_path=str(file), on_bad_rows="skip"), loaded.labels)
    counted = loaded.account
    assert counted.read == len(whole) == tested.read and counted.is_balanced and tested.is_balanced
    bad = [row for row in rows if row not in GOOD]
    assert sum(counted.left_out.values()) == len(bad) and tested.left_out == counted.left_out
    assert len(counted.places) == min(10, len(bad))
    assert counted.set_aside == len(loaded.validation) and counted.used + counted.made == len(loaded.train)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.text(st.sampled_from("a ,;\"\n\r'🙂"), max_size=5), min_size=2, max_size=2), max_size=12))
def test_whatever_is_written_as_csv_is_read_again(records: list[list[str]]) -> None:
    content = io.StringIO()
    csv.writer(content, quoting=csv.QUOTE_ALL).writerows([["text", "label"], *records])
    with tempfile.TemporaryDirectory() as folder:
        found = read(Path(folder), "r.csv", content.getvalue())
    assert [values for _, values in found] == [dict(zip(("text", "label"), record, strict=True)) for record in records]


def test_every_bad_row_is_counted_and_the_first_ten_are_named(tmp_path: Path) -> None:
    file = tmp_path / "r.jsonl"
    file.write_text('{"text": "a"}\n' + "{oops\n" * 8 + '{"text": " "}\n' * 4 + '{"text": "b"}\n')
    with pytest.raises(TrialFailed) as caught:
        load(Data("d", str(file)))
    said = str(caught.value)
    assert "12 of 14 rows cannot be used (not JSON: 8, empty text: 4)" in said
    assert f"{file}:11 (empty text), and 2 more; try: mend them, or data.on_bad_rows=skip" in said
    assert f"{file}:12" not in said
    loaded = load(Data("d", str(file), on_bad_rows="skip"))
    assert loaded.account.left_out == {"not JSON": 8, "empty text": 4} and len(loaded.account.places) == 10
    assert {row.place for row in (*loaded.train, *loaded.validation)} == {f"{file}:1", f"{file}:14"}


def test_bad_rows_of_validation_files_are_named_as_theirs(tmp_path: Path) -> None:
    train, held = tmp_path / "t.jsonl", tmp_path / "v.jsonl"
    train.write_text('{"text": "a", "label": "x"}\n')
    held.write_text('{"text": "a", "label": "x"}\n{"text": "a", "label": "new"}\n')
    with pytest.raises(TrialFailed, match=r"data\.validation_path: 1 of 2 rows .*v\.jsonl:2 \(unknown label: 'new'"):
        load(Data("d", str(train), str(held)))
    loaded = load(Data("d", str(train), str(held), on_bad_rows="skip"))
    assert loaded.validation_account.left_out == {"unknown label": 1} and loaded.validation_account.used == 1
    assert loaded.account.read == loaded.account.used == 1


def test_nothing_usable_is_an_error_whatever_is_asked(tmp_path: Path) -> None:
    (tmp_path / "r.jsonl").write_text("{oops\n" * 3)
    with pytest.raises(TrialFailed, match=r"none of the 3 rows can be used \(not JSON: 3\)"):
        load(Data("d", str(tmp_path / "r.jsonl"), on_bad_rows="skip"))


def test_parquet_rows_are_named_by_number(tmp_path: Path) -> None:
    import pandas as pd

    file = tmp_path / "r.parquet"
    pd.DataFrame({"text": ["a", None, "c"], "label": ["x", "y", float("nan")]}).to_parquet(file)
    loaded = load(Data("d", str(file), str(file), on_bad_rows="skip"))
    assert loaded.account.places == (f"{file}, row 2 (empty text)", f"{file}, row 3 (empty label)")


def test_what_cannot_be_opened_is_said_and_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text('{"text": "a", "label": "x"}\n' * 3)
    (tmp_path / "train.csv").mkdir()  # a folder is no file, whatever it is called
    assert load(Data("d", str(tmp_path))).account.read == 3
    (tmp_path / "validation.jsonl").symlink_to(tmp_path / "gone.jsonl")
    (tmp_path / "train-00000-of-00001.parquet").write_bytes(b"PAR1" + bytes(20) + b"PAR1")
    asked = [
        (Data("d", str(tmp_path)), "parquet cannot be read: Could not open"),
        (Data("d", str(tmp_path / "train.jsonl"), str(tmp_path)), "validation.jsonl cannot be read: No such file"),
        (Data("d", f"{'a' * 5000}"), "does not exist"),
        (Data("d", "bundled:docstrings", cache_dir="/dev/null/x"), r"data\.cache_dir: .* nothing can be written"),
    ]
    for data, words in asked:
        with pytest.raises(TrialFailed, match=words):
            load(data)


def test_labels_that_a_data_set_of_the_hub_does_not_publish_are_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["n", "p"])})
    found = {
        split: datasets.Dataset.from_dict({"text": ["a", "b", "c"], "label": labels}, features=features)
        for split, labels in {"train": [0, 1, 1], "test": [-1, -1, 0]}.items()
    }
    monkeypatch.setattr(datasets, "load_dataset", lambda *args, **how: found)
    data = Data("d", "org/name", on_bad_rows="skip")
    assert load(data).labels == ("n", "p")
    assert read_test(data, ["n", "p"])[1].left_out == {"empty label": 2}


def test_test_rows_are_those_of_the_path_or_of_the_split(tmp_path: Path) -> None:
    for name in ("train", "test"):
        (tmp_path / f"{name}.jsonl").write_text(f'{{"text": "{name}", "label": "x"}}\n' * 2)
    of_split, counted = read_test(Data("d", str(tmp_path)), ["x"])
    assert [row.prompt for row in of_split] == ["test", "test"] and counted.used == 2
    of_file, _ = read_test(Data("d", str(tmp_path), test_path=str(tmp_path / "train.jsonl")), ["x"])
    assert [row.prompt for row in of_file] == ["train", "train"]
    assert read_test(Data("d", str(tmp_path), split="test"), ["x"])[0] == []  # trained on
    assert read_test(Data("d", str(tmp_path / "train.jsonl")), ["x"])[0] == []
    with pytest.raises(TrialFailed, match=r"data\.test_path: none of the 2 rows"):
        read_test(Data("d", "", test_path=str(tmp_path / "test.jsonl")), ["other"])
