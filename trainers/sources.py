"""Where rows come from: a JSONL, CSV or Parquet file, a folder of them, or a data set on the Hugging Face hub."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trainers import hub
from trainers.bundled import data_path
from trainers.seam import TrialFailed
from trainers.trial import Data

Row = Mapping[str, Any]

SUFFIXES = (".jsonl", ".json", ".csv", ".parquet")


def read(data: Data) -> tuple[list[Row], list[Row] | None]:
    """Reads training and validation rows.

    Args:
        data: Where they are.

    Returns:
        The rows of `data.split`, and the validation rows; None where no file and no split holds any.

    Raises:
        TrialFailed: There is nothing to read, or a row does not parse.
    """
    train = _filled(rows_of(data.path, data.split, data), data.path, data.split)
    if data.validation_path:
        split = "validation" if _has_splits(data.validation_path) else ""
        return train, _filled(rows_of(data.validation_path, split, data), data.validation_path, split)
    return train, (rows_of(data.path, "validation", data) or None) if _has_splits(data.path) else None


def read_test(data: Data) -> list[Row]:
    """Reads the rows of `data.test_path`, else those of a split `test` beside the training rows; often there are none.

    Raises:
        TrialFailed: `data.test_path` names nothing to read, or a row does not parse.
    """
    if data.test_path:
        split = "test" if _has_splits(data.test_path) else ""
        return _filled(rows_of(data.test_path, split, data), data.test_path, split)
    is_beside = _has_splits(data.path) and data.split != "test"
    return rows_of(data.path, "test", data) if is_beside else []


def _filled(rows: list[Row], path: str, split: str) -> list[Row]:
    if rows:
        return rows
    if _has_splits(path):
        raise TrialFailed(f"{path} has no rows in its split {split}")
    raise TrialFailed(f"data file {path} has no rows")


def _has_splits(path: str) -> bool:
    return data_path(path).is_dir() or hub.is_id(path)


def rows_of(path: str, split: str, data: Data) -> list[Row]:
    """Reads the rows of one split; a file is a split by itself.

    Args:
        path: A file, a folder, a hub id, or `bundled:` and a file of this package.
        split: Its name; empty where a folder or data set has no such split.
        data: The subset and revision of a data set on the hub.
    """
    if hub.is_id(path):
        return _hub_rows(path, split, data.subset, data.revision)
    place = data_path(path)
    if place.is_dir():
        return [row for file in files_of(place, split) for row in file_rows(file)]
    if not place.is_file():
        raise TrialFailed(f"data file {path} does not exist")
    return file_rows(place)


def files_of(folder: Path, split: str) -> list[Path]:
    """Lists the files of a split in a folder, named as on the hub: `train.jsonl`, `train-00000-of-00002.parquet`.

    Args:
        folder: The folder; a folder `data` in it is looked into as well.
        split: `train`, `validation` or any other.
    """
    named = re.compile(rf"{re.escape(split)}(-\d+-of-\d+)?({'|'.join(map(re.escape, SUFFIXES))})")
    return sorted(file for place in (folder, folder / "data") for file in place.glob("*") if named.fullmatch(file.name))


def file_rows(file: Path) -> list[Row]:
    """Reads one file by what its name ends in; anything unknown is taken for JSONL."""
    if file.suffix.lower() == ".parquet":
        return _parquet_rows(file)
    try:
        # A byte order mark is no part of the first column's name.
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise TrialFailed(f"{file} is not UTF-8: {error.reason} at byte {error.start}") from None
    return _csv_rows(text, file) if file.suffix.lower() == ".csv" else _jsonl_rows(text, file)


def _parquet_rows(file: Path) -> list[Row]:
    from pyarrow import ArrowInvalid, parquet

    try:
        rows: list[Row] = parquet.read_table(file).to_pylist()
    except ArrowInvalid as error:
        raise TrialFailed(f"{file} is no Parquet file: {next(iter(str(error).splitlines()), '')}") from None
    return rows


def _csv_rows(text: str, file: Path) -> list[Row]:
    reader = csv.DictReader(io.StringIO(text, newline=""), skipinitialspace=True)
    return [_cells(row, f"{file}, row {number}") for number, row in enumerate(reader, start=1)]


def _cells(row: dict[str | None, Any], place: str) -> Row:
    if None in row or None in row.values():
        raise TrialFailed(f"{place} has {'more' if None in row else 'fewer'} cells than the header")
    return {str(name).strip(): value for name, value in row.items()}


def _jsonl_rows(text: str, file: Path) -> list[Row]:
    lines = enumerate(text.split("\n"), start=1)  # not splitlines: JSON may hold other line separators
    return [_parsed(line, f"{file}:{number}") for number, line in lines if line.strip()]


def _parsed(line: str, place: str) -> Row:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise TrialFailed(f"{place} is not JSON: {error}") from None
    if not isinstance(row, dict):
        raise TrialFailed(f"{place} is not a JSON object")
    return row


def _hub_rows(path: str, split: str, subset: str | None, revision: str | None) -> list[Row]:
    hub.settle()
    import datasets

    datasets.disable_progress_bars()
    try:
        found = datasets.load_dataset(path, subset, revision=revision)
    except (OSError, ValueError, datasets.exceptions.DatasetsError) as error:
        said = next(iter(str(error).strip().splitlines()), type(error).__name__)
        login = "a private or gated one needs `hf auth login` or HF_TOKEN"
        raise TrialFailed(f"no file here, and no data set of the hub that can be loaded ({said}); {login}") from None
    return [_named(row, found[split].features) for row in found[split]] if split in found else []


def _named(row: Row, features: Mapping[str, Any]) -> Row:
    """Returns a row with its classes' names where the data set keeps their numbers."""
    return {
        key: features[key].int2str(value) if hasattr(features[key], "int2str") and isinstance(value, int) else value
        for key, value in row.items()
    }
