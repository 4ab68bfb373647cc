"""The rows of one file, by what its name ends in."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from pathlib import Path

from trainers import csv_rows, json_rows
from trainers.found_rows import Found, Row
from trainers.seam import TrialFailed

SUFFIXES = (".jsonl", ".json", ".csv", ".tsv", ".parquet")

LISTS = ("messages", "conversations", "prompt", "completion")
"""Columns whose value may be a list: an object with one of them is a row itself (`trainers.shapes`)."""


def rows_of(file: Path) -> list[Found]:
    """Reads a file; anything unknown is taken for JSONL.

    Args:
        file: Its name ends in one of `SUFFIXES`, in capitals or not.

    Returns:
        Its rows in their order, those that do not parse among them.

    Raises:
        TrialFailed: It cannot be opened, is not UTF-8, no Parquet file, or a CSV whose header cannot be understood.
    """
    try:
        return _rows_of(file)
    except OSError as error:
        raise TrialFailed(f"{file} cannot be read: {error.strerror or ' '.join(str(error).split())}") from None


def _rows_of(file: Path) -> list[Found]:
    suffix = file.suffix.lower()
    if suffix == ".parquet":
        return list(_parquet(file))
    text = _text(file)
    if suffix in {".csv", ".tsv"}:
        return list(csv_rows.rows(text, str(file)))
    return list(json_rows.document(text, str(file), LISTS) if suffix == ".json" else json_rows.lines(text, str(file)))


def _text(file: Path) -> str:
    content = file.read_bytes()
    try:
        # A byte order mark is no part of the first column's name.
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = 1 + content.count(b"\n", 0, error.start)
        # Windows-1252 is what spreadsheets save as CSV in Western Europe and America.
        likely = "UTF-16" if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "WINDOWS-1252"
        said = f"{file}:{line} is not UTF-8 ({error.reason} at byte {error.start})"
        raise TrialFailed(f"{said}; `iconv -f {likely} -t UTF-8` may make it so") from None


def _parquet(file: Path) -> Iterator[Found]:
    from pyarrow import ArrowException, parquet

    try:
        read = parquet.read_table(file).to_pylist()
    except (ArrowException, ValueError, OverflowError) as error:  # text that is no UTF-8, dates that Python has not
        raise TrialFailed(f"{file} is no Parquet file: {next(iter(str(error).splitlines()), '')}") from None
    for number, values in enumerate(read, start=1):
        yield Row(values, f"{file}, row {number}")
