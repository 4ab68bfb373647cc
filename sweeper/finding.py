"""What is worth knowing of a command before anything trains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Severity = Literal["error", "warning", "note"]
"""An error stops the command, a warning does not, a note is a number to know."""


@dataclass(frozen=True)
class Finding:
    """One line of the preflight table.

    `value` is the key's value, `number` what was computed (`8.9 %: 4,000 of 45,000 rows`), `rule` what it is held
    against, `source` the document and its section, or `ours`; `remedy` is the override that would mend it, empty for a
    note that asks for nothing.
    """

    severity: Severity
    key: str
    value: Any
    number: str
    rule: str
    source: str
    remedy: str = ""
