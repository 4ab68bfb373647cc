"""What is found where a row should be: a row, or one that cannot be used and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Row:
    """A row's columns, and where it stands: `train.jsonl:7` is line 7 of that file."""

    values: Mapping[str, Any]
    place: str


@dataclass(frozen=True)
class BadRow:
    """A row that cannot be used; `reason` is counted, `detail` is what is particular to this one."""

    place: str
    reason: str
    detail: str = ""

    def __str__(self) -> str:
        """Returns `train.jsonl:7 (not JSON: Expecting value)`."""
        return f"{self.place} ({self.why})"

    @property
    def why(self) -> str:
        """The reason, and what is particular to this row."""
        return f"{self.reason}{': ' if self.detail else ''}{self.detail}"


class Unusable(Exception):
    """Why a row cannot be used, raised while it is made into an example."""

    def __init__(self, reason: str, detail: str = "") -> None:
        self.reason, self.detail = reason, detail
        super().__init__(reason)


Found = Row | BadRow
