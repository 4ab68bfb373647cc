"""What the rows of one run measured: its curve, and what is stated of the whole run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from analysis.curve import Points
from analysis.imports import cells
from analysis.imports.columns import Column
from analysis.imports.run_rows import RunRows
from analysis.imports.table import Row

COSTS = {"planned_steps", "steps", "seconds", "init_seconds", "peak_memory_mib", "trainable_parameters"}
"""Metrics of a whole run."""


def measured(group: RunRows, axis: Column | None) -> tuple[Mapping[str, Points], Mapping[str, float]]:
    """Returns the curve, and what is stated of the whole run."""
    metrics = [column for column in group.columns if column.role == "metric"]
    whole = [column for column in metrics if column.key in COSTS or column.key.startswith(("best_", "final_"))]
    stated: dict[str, float] = {}
    for column in whole:
        found = group.one(column)
        value = None if found is None else group.number(found[0], column, found[1])
        if value is not None:
            stated[column.key] = value
    along = [column for column in metrics if column not in whole]
    placed = [row for row in group.rows if axis is not None and row.cells[axis.index]]
    loose = [row for row in group.rows if row not in placed and any(row.cells[column.index] for column in along)]
    if placed and loose:
        _say_loose(group, axis, loose, along)
    elif loose:
        read = [dict(_of_row(group, row, along)) for row in loose]
        stated = {**read[0], **stated}
        if len(read) > 1:
            _say_twice(group, loose, axis)
    return (_curve(group, axis, placed, along) if axis is not None and placed else {}), stated


def _of_row(group: RunRows, row: Row, along: Sequence[Column]) -> Iterator[tuple[str, float]]:
    """Yields what the one row of a run says: a table of results holds the best of each."""
    for column in along:
        text = row.cells[column.index]
        value = group.number(row.line, column, text) if text else None
        if value is not None:
            yield f"best_{column.key}", value


def _say_loose(group: RunRows, axis: Column | None, loose: Sequence[Row], along: Sequence[Column]) -> None:
    assert axis is not None
    for row in loose:
        column = next(column for column in along if row.cells[column.index])
        rule = f"other rows of this run have their {axis.key}, and this value has none"
        remedy = f"give its {axis.key}, or call the column best_{column.key}"
        group.wrong(row.line, column.header, row.cells[column.index], rule, remedy)


def _say_twice(group: RunRows, rows: Sequence[Row], axis: Column | None) -> None:
    name = next(column for column in group.columns if column.key == "name")
    rule = f"is the name of line {rows[0].line} as well"
    remedy = "add a column step or epoch" if axis is None else f"give each its {axis.key}"
    remedy += " if the rows are one run's curve, else give each run a name, or its training.seed, of its own"
    group.wrong(rows[1].line, "name", rows[1].cells[name.index], rule, remedy)


def _curve(group: RunRows, axis: Column, rows: Sequence[Row], along: Sequence[Column]) -> Mapping[str, Points]:
    at = _positions(group, axis, rows)
    found: dict[str, dict[int, tuple[int, float]]] = {}
    for row in rows:
        for column in along:
            text = row.cells[column.index]
            value = group.number(row.line, column, text) if text else None
            if value is None or row.line not in at:
                continue
            earlier = found.setdefault(column.key, {}).setdefault(at[row.line], (row.line, value))
            if repr(earlier[1]) != repr(value):
                rule = f"line {earlier[0]} says {earlier[1]:g} of the same {axis.key}"
                group.wrong(row.line, column.header, text, rule, "keep one of them")
    points = {key: tuple(sorted((step, value) for step, (_, value) in by.items())) for key, by in found.items()}
    return {**points, **_epochs(group, at, rows)} if points else {}


def _positions(group: RunRows, axis: Column, rows: Sequence[Row]) -> dict[int, int]:
    """Returns each line's step; epochs are counted from 1 in their order."""
    read: dict[int, float] = {}
    for row in rows:
        text = row.cells[axis.index]
        value = cells.number(text, group.table.comma)
        if value is None or not 0 <= value < 2**53 or (axis.key == "step" and not value.is_integer()):
            rule = "is a whole number from 0 on" if axis.key == "step" else "is a number from 0 on"
            group.wrong(row.line, axis.header, text, rule, "leave the cell empty if it is not known")
        else:
            read[row.line] = value
    if axis.key == "step":
        return {line: int(value) for line, value in read.items()}
    order = {value: index for index, value in enumerate(sorted(set(read.values())), start=1)}
    return {line: order[value] for line, value in read.items()}


def _epochs(group: RunRows, at: Mapping[int, int], rows: Sequence[Row]) -> dict[str, Points]:
    column = next((column for column in group.columns if column.key == "epoch"), None)
    if column is None:
        return {}
    read = {at[row.line]: cells.number(row.cells[column.index], group.table.comma) for row in rows if row.line in at}
    points = tuple(sorted((step, value) for step, value in read.items() if value is not None))
    return {"epoch": points} if points else {}
