"""The rows of one run in a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from analysis.imports import cells
from analysis.imports.columns import Column
from analysis.imports.problem import Problem
from analysis.imports.table import Row, Table

Found = tuple[int, str]
"""A line and the text of its cell."""

_WHOLE = {"steps", "planned_steps", "trainable_parameters"}


@dataclass
class RunRows:
    """The rows of one run, and what is wrong with them."""

    table: Table
    columns: Sequence[Column]
    rows: list[Row]
    problems: list[Problem] = field(default_factory=list)

    def where(self, line: int) -> str:
        """Returns a line as problems name it."""
        return f"{self.table.path}:{line}"

    def wrong(self, line: int, key: str, text: str | None, rule: str, remedy: str) -> None:
        """Keeps a problem with a cell."""
        self.problems.append(Problem(self.where(line), key, text, rule, remedy))

    def one(self, column: Column) -> Found | None:
        """Returns the one cell that counts of what a run has once; cells that contradict each other are a problem."""
        found = [(row.line, row.cells[column.index]) for row in self.rows if row.cells[column.index]]
        for line, text in found[1:]:
            if not _same(text, found[0][1], self.table.comma):
                rule = f"line {found[0][0]} says {found[0][1]} of the same run"
                self.wrong(line, column.header, text, rule, _remedy(column))
                break
        return found[0] if found else None

    def number(self, line: int, column: Column, text: str) -> float | None:
        """Returns a metric's value."""
        found = cells.number(text, self.table.comma)
        if found is None:
            self.wrong(line, column.header, text, f"is {cells.NUMBERS_ARE}", "leave the cell empty if it is not known")
        elif column.key in _WHOLE and not found.is_integer():
            self.wrong(line, column.header, text, "is a whole number", "write it without separators")
        return found


def _same(text: str, other: str, comma: bool) -> bool:
    numbers = cells.number(text, comma), cells.number(other, comma)
    return text.casefold() == other.casefold() or (numbers[0] is not None and numbers[0] == numbers[1])


def _remedy(column: Column) -> str:
    if column.role == "metric" and column.key.startswith(("best_", "final_")):
        meant = column.key.partition("_")[2]
        return f"call the column {meant} if these are points of a curve, or give the runs different names"
    return "say it in one row, or give the runs different names"
