"""The runs of a table: rows of one name are one run, and its curve where they have a step or an epoch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from analysis.imports import cells
from analysis.imports.columns import Column
from analysis.imports.gain import completed
from analysis.imports.imported_run import REFERENCE, ImportedRun
from analysis.imports.problem import Problem
from analysis.imports.run_rows import Found, RunRows
from analysis.imports.table import Row, Table
from analysis.imports.table_curve import measured

OUTCOMES = (
    *("complete", "pruned", "diverged", "dead_gradient", "stagnant_evaluation"),
    *("out_of_memory", "failed", "interrupted", REFERENCE),
)

_SEED = "training.seed"


def runs(table: Table, columns: Sequence[Column]) -> tuple[list[ImportedRun], list[Problem]]:
    """Returns a table's runs in the order of their first rows, and what is wrong with its cells.

    Args:
        table: Whose columns are known.
        columns: From `analysis.imports.columns`.
    """
    found, problems = [], []
    groups, nameless = _groups(table, columns)
    for group in groups:
        found.append(_run(group))
        problems += group.problems
    problems += nameless
    return found, problems


def _groups(table: Table, columns: Sequence[Column]) -> tuple[list[RunRows], list[Problem]]:
    """Puts rows of one name together; where all of them have a seed, rows of other seeds are other runs."""
    index = {column.key: column.index for column in columns}
    by_name: dict[str, list[Row]] = {}
    for row in table.rows:
        by_name.setdefault(row.cells[index["name"]], []).append(row)
    nameless = [
        Problem(f"{table.path}:{row.line}", "name", None, "the row has no name", "give every row the name of its run")
        for row in by_name.pop("", [])
    ]
    split = [part for rows in by_name.values() for part in _by_seed(rows, index.get(_SEED))]
    return [RunRows(table, columns, rows) for rows in split], nameless


def _by_seed(rows: list[Row], index: int | None) -> list[list[Row]]:
    if index is None or not all(row.cells[index] for row in rows):
        return [rows]
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row.cells[index], []).append(row)
    return list(found.values())


def _run(group: RunRows) -> ImportedRun:
    words = {column.key: group.one(column) for column in group.columns if column.role == "word"}
    texts = {key: found[1] for key, found in words.items() if found is not None}
    axes = {column.key: column for column in group.columns if column.role == "axis"}
    axis = axes.get("step") or axes.get("epoch")
    by_epoch = axis is not None and axis.key == "epoch"
    points, stated = measured(group, axis)
    if not points:
        by_epoch = False
    outcome = _outcome(group, words.get("outcome"))
    source = group.where(group.rows[0].line)
    params = _params(group)
    return ImportedRun(
        texts["name"],
        source,
        params,
        points,
        stated,
        outcome,
        texts.get("reason", ""),
        texts.get("notes", ""),
        by_epoch,
    )


def _outcome(group: RunRows, found: Found | None) -> str:
    if found is None:
        return "complete"
    outcome = found[1].casefold().replace(" ", "_")
    outcome = {"finished": "complete", "completed": "complete"}.get(outcome, outcome)
    if outcome not in OUTCOMES:
        group.wrong(found[0], "outcome", found[1], f"is one of {', '.join(OUTCOMES)}", "leave it empty for complete")
    return outcome


def _params(group: RunRows) -> dict[str, Any]:
    params: dict[str, Any] = {}
    lines = {}
    for column in group.columns:
        found = group.one(column) if column.role == "param" else None
        if found is None:
            continue
        try:
            params[column.key] = cells.value(column.key, found[1], group.table.comma)
            lines[column.key] = found[0]
        except cells.WrongCellError as error:
            group.wrong(found[0], column.header, found[1], str(error), "leave the cell empty if it is not known")
    params, wrong = completed(params)
    if wrong is not None:
        group.wrong(lines["lora.gain"], "lora.gain", str(params["lora.gain"]), wrong, "keep one of the two columns")
    return params
