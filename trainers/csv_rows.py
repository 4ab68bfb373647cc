"""The rows of a CSV file: quotes, commas and line breaks inside quotes, any line ending, as RFC 4180 has them."""

from __future__ import annotations

import csv
import io
import sys
from collections import Counter
from collections.abc import Iterator

from trainers.found_rows import BadRow, Found, Row
from trainers.seam import TrialFailed

DELIMITERS = ",;\t"
"""What may stand between cells: spreadsheets write semicolons where the comma is the decimal sign."""


def rows(text: str, file: str) -> Iterator[Found]:
    """Reads rows below a header.

    Args:
        text: The file's content; blank lines are no rows.
        file: Its name, for places: the line is that where a record begins.

    Raises:
        TrialFailed: The header names a column twice, or not at all.
    """
    before = csv.field_size_limit(sys.maxsize)  # the library's own limit, 131,072 characters, is below a long document
    try:
        records = _records(text, file)
        header = next(records, None)
        if header is None:
            return
        if isinstance(header, BadRow):
            raise TrialFailed(f"{header}: this is its header")
        names = _names(header[1], file)
        for record in records:
            yield record if isinstance(record, BadRow) else _row(names, *record)
    finally:
        csv.field_size_limit(before)


def _records(text: str, file: str) -> Iterator[tuple[str, list[str]] | BadRow]:
    """Yields each record's place and cells. Strict: a quote that never closes would swallow rows without a word."""
    lines = _Lines(text)
    reader = csv.reader(lines, delimiter=_delimiter(text), skipinitialspace=True, strict=True)
    while True:
        first = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            through = "" if reader.line_num == first else f", through line {reader.line_num}"
            yield BadRow(f"{file}:{first}", "not CSV", f"{error}{through}")
            continue
        if cells is None:
            return
        if len(cells) > 1 or lines.last.strip():
            yield f"{file}:{first}", cells


class _Lines:
    """The lines of a text, of which the one that was read last is known: of blanks alone it is no record."""

    def __init__(self, text: str) -> None:
        self._lines, self.last = io.StringIO(text, newline=""), ""

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        self.last = next(self._lines)
        return self.last


def _delimiter(text: str) -> str:
    """Returns what the header has most of, a comma where it has one column."""
    header = next((line for line in io.StringIO(text) if line.strip()), "")
    return max(DELIMITERS, key=header.count)


def _names(cells: list[str], file: str) -> list[str]:
    names = [cell.strip() for cell in cells]
    twice = [name for name, count in Counter(names).items() if count > 1 and name]
    if twice or not any(names):
        said = f"names the column {twice[0]!r} twice" if twice else "names no column"
        raise TrialFailed(f"the header of {file} {said}")
    return names


def _row(names: list[str], place: str, cells: list[str]) -> Found:
    if len(cells) != len(names):
        reason = f"{'more' if len(cells) > len(names) else 'fewer'} cells than the header"
        return BadRow(place, reason, f"{len(cells)} instead of {len(names)}")
    return Row(dict(zip(names, cells, strict=True)), place)
