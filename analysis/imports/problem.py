"""What is wrong with files that are to be imported: everything at once, and nothing is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from analysis.report_error import ReportError
from analysis.visible import on_one_line

_LONGEST_VALUE = 60
_MOST = 50


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: `where` is a file, with its line where there is one; `remedy` is what to do."""

    where: str
    key: str
    value: str | None
    rule: str
    remedy: str

    def __str__(self) -> str:
        """Returns the problem on one line."""
        value = "" if self.value is None else f"={_short(self.value)}"
        return f"{self.where}: {on_one_line(self.key)}{value}: {self.rule}; {self.remedy}"


def _short(value: str) -> str:
    text = on_one_line(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 1]}…"


def refuse(problems: Sequence[Problem]) -> None:
    """Ends the import where anything is wrong.

    Raises:
        ReportError: There are problems; it lists them in the order they were found.
    """
    if not problems:
        return
    head = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    more = [f"… and {len(problems) - _MOST} more"] if len(problems) > _MOST else []
    lines = [*map(str, problems[:_MOST]), *more]
    raise ReportError("\n  ".join([f"nothing was imported: {head}", *lines]))
