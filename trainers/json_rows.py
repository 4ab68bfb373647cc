"""The rows of a JSON file: an object a line, an array of objects, or one object around such an array."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import re
from collections.abc import Collection, Iterator
from itertools import count

from trainers.found_rows import BadRow, Found, Row

NOT_JSON, NO_OBJECT = "not JSON", "no JSON object"

LINE = "\n"
_DECODER = json.JSONDecoder()
_SPACE = re.compile(r"[ \t\r\n]*")

# What moves the depth of an array, with whole strings skipped; a line break ends a string that nobody closed.
_MARKS = re.compile(r'"(?:[^"\\\n]|\\[^\n])*"?|[][{},]')

_OBJECTS = re.compile(r"\[[ \t\r\n]*\{")

# How an object begins: with its first key.
_OPENING = re.compile(r'\{[ \t\r\n]*"[^"\\\n]*"[ \t\r\n]*:')


def lines(text: str, file: str) -> Iterator[Found]:
    """Reads an object a line; blank lines are no rows."""
    # Not splitlines: JSON may hold other line separators.
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield _parsed(line, f"{file}:{number}")


def document(text: str, file: str, columns: Collection[str]) -> Iterator[Found]:
    """Reads whatever stands in a file that is called `.json`.

    Args:
        text: Its content.
        file: Its name, for places: the line is that where an object begins.
        columns: Lists that belong to a row: an object with one of them is a row, and not a wrapper around rows.
    """
    start = _skipped(text, 0)
    if text[start : start + 1] == "[":
        return _array(text, start, file, is_whole=True)
    end = _end_of_object(text, start)
    if end is None:
        broken = _broken_list(text, start, columns)
        return lines(text, file) if broken is None else _array(text, broken, file)
    if text[end:].strip():
        return lines(text, file)
    lists = [key for key, value in _DECODER.raw_decode(text, start)[0].items() if isinstance(value, list)]
    if len(lists) == 1 and lists[0] not in columns:
        return _array(text, _place_of(lists[0], text, start), file)
    return iter([_parsed(text[start:end], f"{file}:{1 + text.count(LINE, 0, start)}")])


def _skipped(text: str, at: int) -> int:
    """Returns where the blanks end that begin at a place."""
    found = _SPACE.match(text, at)
    return at if found is None else found.end()


def _end_of_object(text: str, start: int) -> int | None:
    """Returns where the object ends that begins here; None where none that parses does."""
    try:
        value, end = _DECODER.raw_decode(text, start)
    except (ValueError, RecursionError):
        return None
    return end if isinstance(value, dict) else None


def _broken_list(text: str, start: int, columns: Collection[str]) -> int | None:
    """Returns where the list of objects begins that keeps an object from parsing; None where that is anything else."""
    at = start
    with contextlib.suppress(ValueError, RecursionError):
        while text[at : at + 1] in {"{", ","}:
            name, at = _DECODER.raw_decode(text, _skipped(text, at + 1))
            at = begin = _skipped(text, _skipped(text, at) + 1)  # past the colon
            is_around_rows = name not in columns and _OBJECTS.match(text, at) is not None
            try:
                at = _skipped(text, _DECODER.raw_decode(text, at)[1])
            except (ValueError, RecursionError):
                return begin if is_around_rows else None
    return None


def _place_of(key: str, text: str, start: int) -> int:
    """Returns where the value of a key begins, in an object that parses."""
    at = start
    while True:
        name, at = _DECODER.raw_decode(text, _skipped(text, at + 1))
        at = _skipped(text, _skipped(text, at) + 1)  # past the colon
        if name == key:
            return at
        at = _skipped(text, _DECODER.raw_decode(text, at)[1])  # the comma


def _array(text: str, start: int, file: str, *, is_whole: bool = False) -> Iterator[Found]:
    """Yields the elements of an array; one that does not parse says how far it reaches.

    An element that begins in the line of the one before has its number as well: whole files are written in one line.
    """
    at, line, is_closed = start + 1, 1 + text.count(LINE, 0, start), True
    begin, numbers = start, count(1)
    while (at := _skipped(text, at)) < len(text) and text[at] != "]":
        before, number = line, next(numbers)
        line, begin = line + text.count(LINE, begin, at), at
        end = _end(text, at)
        found = _parsed(text[at:end], f"{file}:{line}", text.count(LINE, at, end))
        is_alone = line > before or number == 1
        yield found if is_alone else dataclasses.replace(found, place=f"{found.place}, row {number:,}")
        is_closed = end < len(text) or isinstance(found, Row)
        at = end + (text[end : end + 1] == ",")
    place = f"{file}:{line + text.count(LINE, begin, at)}"
    if at == len(text) and (is_closed or begin == start):
        yield BadRow(place, NOT_JSON, "the array is not closed")
    if is_whole and text[at + 1 :].strip():
        yield BadRow(place, NOT_JSON, "more text behind the array")


def _end(text: str, start: int) -> int:
    """Returns where an element of an array ends: at the comma or bracket that is not its own.

    One that does not parse ends at the latest where a line begins as its own did.
    """
    try:
        after = _skipped(text, _DECODER.raw_decode(text, start)[1])
        if text[after : after + 1] in {",", "]"}:
            return after
    except (ValueError, RecursionError):
        pass
    return min(_next_alike(text, start), _next_outside(text, start))


def _next_alike(text: str, start: int) -> int:
    """Returns the next line break behind which a line is indented as the element, and opens a bracket.

    Of an element that does not begin a line, the next comma behind which an object begins with the same key.
    """
    indent, opening = text[text.rfind(LINE, 0, start) + 1 : start], _OPENING.match(text, start)
    if not indent.strip():
        found = re.compile(rf"\n{indent}[{{\[]").search(text, start)
    else:
        found = opening and re.compile(rf",[ \t\r\n]*{re.escape(opening.group())}").search(text, start)
    return len(text) if found is None else found.start()


def _next_outside(text: str, start: int) -> int:
    """Returns the next comma or closing bracket that stands in no brackets opened since."""
    depth = 0
    for mark in _MARKS.finditer(text, start):
        if depth == 0 and mark.group() in {",", "]"}:
            return mark.start()
        depth = max(0, depth + (mark.group() in {"{", "["}) - (mark.group() in {"}", "]"}))
    return len(text)


def _parsed(text: str, place: str, more_lines: int = 0) -> Found:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        # Besides what is no JSON: a number of thousands of digits, brackets in thousands of brackets.
        said = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
        through = f", through line {int(place.rpartition(':')[2]) + more_lines}" if more_lines else ""
        return BadRow(place, NOT_JSON, f"{said}{through}")
    return Row(value, place) if isinstance(value, dict) else BadRow(place, NO_OBJECT)
