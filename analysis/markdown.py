"""GitHub Markdown that stays valid whatever stands in it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from analysis.visible import on_one_line

# `~~` strikes out and `$` begins mathematics on GitHub; `&` is itself unless a character reference follows.
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|~$]|&(?=#?\w+;))")


def escape(text: str) -> str:
    """Returns text that GitHub shows as it is, neither struck through nor as mathematics.

    Underscores inside words need no escape there.
    """
    return re.sub(r"(?<=\w)\\_(?=\w)", "_", _SPECIAL.sub(r"\\\1", on_one_line(text)))


def table(rows: Sequence[Mapping[str, str]], plain: bool = False) -> list[str]:
    """Returns the lines of a table whose columns line up, numbers to the right.

    Args:
        rows: Cells by column; every row has the same columns.
        plain: For a terminal, which shows everything as it is.

    Returns:
        Header, rule and rows; a sentence where there are none.
    """
    if not rows:
        return ["No trial has completed."]
    columns = list(rows[0])
    cells = [[on_one_line(row[column]) if plain else escape(row[column]) for column in columns] for row in rows]
    # A rule has a dash at least, and a colon besides where numbers stand.
    widths = [max(2, *(len(line[index]) for line in [columns, *cells])) for index in range(len(columns))]
    right = [all(_is_number(line[index]) for line in cells) for index in range(len(columns))]
    rule = ["-" * (width - 1) + ":" if numeric else "-" * width for width, numeric in zip(widths, right, strict=True)]
    return [_line(columns, widths, right), _line(rule, widths, right), *(_line(line, widths, right) for line in cells)]


def _line(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    padded = (
        cell.rjust(width) if numeric else cell.ljust(width)
        for cell, width, numeric in zip(cells, widths, right, strict=True)
    )
    return "| " + " | ".join(padded) + " |"


def _is_number(cell: str) -> bool:
    return not cell or re.fullmatch(r"-?[\d.,]+(e[-+]?\d+)?", cell) is not None


def code_block(text: str, language: str) -> list[str]:
    """Returns text as a fenced block; the fence is longer than any in the text."""
    longest = max((len(found) for found in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}{language}", *text.rstrip("\n").split("\n"), fence]
