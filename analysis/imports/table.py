"""A CSV file as people and spreadsheets write them: its header and its rows, with their lines."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from analysis.imports.cells import has_comma, has_point
from analysis.imports.problem import Problem

_SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs"}
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)  # a spreadsheet's "Unicode text"


@dataclass(frozen=True)
class Row:
    """A row and the line where it begins; `cells` are stripped, one for each header."""

    line: int
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """A file's rows; `comma` says that its numbers have decimal commas."""

    path: Path
    headers: tuple[str, ...]
    rows: tuple[Row, ...]
    comma: bool = False

    def column(self, index: int) -> Iterator[tuple[int, str]]:
        """Yields the line and the text of each cell of a column that is not empty."""
        return ((row.line, row.cells[index]) for row in self.rows if row.cells[index])


class UnreadableError(Exception):
    """A file that is no table; it carries the problem."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


def read(path: Path) -> tuple[Table, list[Problem]]:
    """Reads a table.

    Args:
        path: A CSV file with commas, semicolons or tabs; UTF-8, or UTF-16 with its mark.

    Returns:
        The table, without rows that are empty or do not fit, and what is wrong with those.

    Raises:
        UnreadableError: It cannot be read at all.
    """
    text = _text(path)
    separator, skipped = _separator(path, text)
    lines = list(_records(path, text, separator))[skipped:]
    if len(lines) < 2:
        raise UnreadableError(Problem(str(path), "file", None, "has no row below its header", "give it a row per run"))
    headers = tuple(cell.strip() for cell in lines[0][1])
    while headers and not headers[-1] and all(not "".join(cells[len(headers) - 1 :]).strip() for _, cells in lines[1:]):
        headers = headers[:-1]  # a separator at the end of each line
    rows, problems = _rows(path, headers, lines[1:])
    return Table(path, headers, rows, separator != "," and _has_commas(rows)), problems


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        why = error.strerror or "cannot be read"
        raise UnreadableError(Problem(str(path), "file", None, why, "give a file that can be read")) from error
    try:
        return data.decode("utf-16" if data.startswith(_UTF_16) else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        remedy = "save it as CSV UTF-8"
        raise UnreadableError(Problem(f"{path}:{line}", "file", None, "is no UTF-8 text", remedy)) from error


def _separator(path: Path, text: str) -> tuple[str, int]:
    """Returns what separates cells, and how many lines stand before the header: spreadsheets write `sep=;`."""
    first = next((line.strip() for line in text.splitlines() if line.strip()), "")
    if first.casefold().startswith("sep=") and first[4:] in _SEPARATORS:
        return first[4:], 1
    # What stands in quotes separates nothing.
    bare = "".join(part for index, part in enumerate(first.split('"')) if index % 2 == 0)
    found = [mark for mark in _SEPARATORS if mark in bare]
    if len(found) == 1:
        return found[0], 0
    seen = " and ".join(_SEPARATORS[mark] for mark in found) or "none"
    rule = f"the header's names are separated by commas, semicolons or tabs, and it has {seen}"
    raise UnreadableError(Problem(f"{path}:1", "header", first, rule, "separate them by one of these"))


def _records(path: Path, text: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True, skipinitialspace=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            where, remedy = f"{path}:{line}", 'close every quote, and write a quote inside quotes as ""'
            raise UnreadableError(Problem(where, "row", None, str(error), remedy)) from error
        if any(cell.strip() for cell in cells):
            yield line, cells


def _rows(
    path: Path, headers: tuple[str, ...], lines: list[tuple[int, list[str]]]
) -> tuple[tuple[Row, ...], list[Problem]]:
    rows, problems = [], []
    for line, cells in lines:
        fits = len(cells) >= len(headers) and not "".join(cells[len(headers) :]).strip()
        if fits:
            rows.append(Row(line, tuple(cell.strip() for cell in cells[: len(headers)])))
        else:
            rule = f"has {len(cells)} cells, the header {len(headers)}"
            remedy = "an empty cell needs its separator, and a cell with a separator in it quotes"
            problems.append(Problem(f"{path}:{line}", "row", None, rule, remedy))
    return tuple(rows), problems


def _has_commas(rows: tuple[Row, ...]) -> bool:
    cells = [cell for row in rows for cell in row.cells]
    return any(map(has_comma, cells)) and not any(map(has_point, cells))
