"""What the columns of a table are: the name, an axis, a parameter, a metric, or a word about the run."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from analysis.imports import cells
from analysis.imports.keys import GROUPS, KEYS, NAMES, nearest, plain
from analysis.imports.problem import Problem
from analysis.imports.table import Table

Role = Literal["word", "axis", "param", "metric", "ignored"]

_WORDS = {
    **dict.fromkeys(("name", "experiment", "run", "run_name", "trial"), "name"),
    **{"outcome": "outcome", "status": "outcome", "reason": "reason"},
    **dict.fromkeys(("notes", "note", "comment"), "notes"),
}
_AXES = {
    **dict.fromkeys(("step", "global_step", "train/global_step"), "step"),
    **dict.fromkeys(("epoch", "train/epoch"), "epoch"),
}
_METRICS = {
    **dict.fromkeys(("val_loss", "validation_loss", "eval/loss"), "eval_loss"),
    **dict.fromkeys(("best_val_loss", "best_validation_loss"), "best_eval_loss"),
    **dict.fromkeys(("final_val_loss", "final_validation_loss"), "final_eval_loss"),
    **dict.fromkeys(("train_loss", "training_loss", "train/loss"), "loss"),
    **{"train/learning_rate": "learning_rate", "train/grad_norm": "grad_norm"},
    **{"train_runtime": "seconds"},
}
_IGNORED = dict.fromkeys(("place", "verdicts", "low", "high", "seeds", "trials", "tied_with", "sweep"), "")
"""Columns of a leaderboard that are computed again."""

_MEASURED = ("eval_", "best_", "final_")
_KEY = re.compile(r"[\w./: -]+")


@dataclass(frozen=True)
class Column:
    """A column: its index, its header, what it is, and the key under which it is recorded."""

    index: int
    header: str
    role: Role
    key: str

    @property
    def is_renamed(self) -> bool:
        """True where it is recorded under another name than it has."""
        return self.key != self.header


def columns(table: Table) -> tuple[list[Column], list[Problem]]:
    """Returns what a table's columns are, and what is wrong with its header."""
    where = f"{table.path}:1"
    found: list[Column] = []
    problems: list[Problem] = []
    for index, header in enumerate(table.headers):
        item = _column(table, index, header, where)
        (found if isinstance(item, Column) else problems).append(item)  # type: ignore[arg-type]
    problems += _twice(found, where)
    if not any(column.key == "name" for column in found):
        remedy = "add a column name with a name for each run"
        problems.append(Problem(where, "header", None, "has no column name", remedy))
    return found, problems


def _column(table: Table, index: int, header: str, where: str) -> Column | Problem:
    known = plain(header)
    for role, names in _ROLES:
        if known in names:
            return _unless_place(table, Column(index, header, role, names[known]), where)
    if header.partition(".")[0] in GROUPS and "." in header:
        return Column(index, header, "param", header) if _can_be_a_key(header) else _odd(header, where)
    if not header:
        remedy = "name it, or leave it out (pandas: to_csv(…, index=False))"
        return Problem(where, f"column {index + 1}", None, "has no name", remedy)
    if "." in header:
        rule = f"what a dotted name begins with is one of {', '.join(GROUPS)}"
        return Problem(where, header, None, rule, _remedy(header))
    return _metric(table, index, header, where)


_ROLES: tuple[tuple[Role, dict[str, str]], ...] = (
    ("word", _WORDS),
    ("axis", _AXES),
    ("metric", _METRICS),
    ("param", dict(NAMES)),
    ("ignored", _IGNORED),
)


def _unless_place(table: Table, column: Column, where: str) -> Column | Problem:
    """Returns a column, unless it is called rank and counts the rows: that may be a place as in document 003."""
    texts = [text for _, text in table.column(column.index)]
    counts = [str(number) for number in range(1, len(table.rows) + 1)]
    if plain(column.header) != "rank" or len(counts) < 2 or texts != counts:
        return column
    rule = "counts the rows: it may be a place, or the adapter's rank"
    return Problem(where, column.header, None, rule, "call it lora.r, or leave it out: places are computed")


def _metric(table: Table, index: int, header: str, where: str) -> Column | Problem:
    """Returns a column with numbers as a metric; one of text alone is none, and no parameter that is known."""
    texts = [text for _, text in table.column(index)]
    if texts and not header.startswith(_MEASURED) and all(cells.number(text, table.comma) is None for text in texts):
        rule = f"is no column that is known, and holds text ({texts[0][:40]})"
        return Problem(where, header, None, rule, _remedy(header))
    return Column(index, header, "metric", header) if _can_be_a_key(header) else _odd(header, where)


def _can_be_a_key(header: str) -> bool:
    """True for what MLflow takes as a name (mlflow/utils/validation.py)."""
    return len(header) <= 250 and _KEY.fullmatch(header) is not None and posixpath.normpath(header) == header


def _odd(header: str, where: str) -> Problem:
    rule = "MLflow takes up to 250 letters, digits and _ . / : - as a name"
    return Problem(where, header, None, rule, f"call it {re.sub(r'[^A-Za-z0-9_.]+', '_', header)[:250].strip('_')}")


def _remedy(header: str) -> str:
    if "lora" in header.casefold() and "config" in header.casefold():
        return "give lora.r, lora.alpha and lora.dropout a column each"
    likely = nearest(header)
    meant = f"call it {likely} if that is meant" if likely else f"call it by a dotted name ({', '.join(GROUPS)})"
    return f"{meant}, notes if it is a remark, or leave it out"


def _twice(found: list[Column], where: str) -> Iterator[Problem]:
    by_key: dict[str, list[str]] = {}
    for column in found:
        if column.role != "ignored":
            by_key.setdefault(column.key, []).append(column.header)
    for key, headers in by_key.items():
        if len(headers) > 1:
            rule = f"{len(headers)} columns mean {key}: {', '.join(headers)}"
            yield Problem(where, key, None, rule, "keep one of them")


def unusual(found: list[Column]) -> list[str]:
    """Returns what a user should read of parameters that `lora-sweep` does not have, with the one that it has."""
    odd = [column.key for column in found if column.role == "param" and column.key not in KEYS]
    odd = [key for key in odd if ".kwargs." not in key]
    near = {key: nearest(key) for key in odd}
    return [f"{key} (did you mean {likely}?)" for key, likely in near.items() if likely and _is_alike(key, likely)]


def _is_alike(key: str, likely: str) -> bool:
    return key.partition(".")[0] == likely.partition(".")[0]
