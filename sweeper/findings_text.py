"""Findings for a person to read: as a table on the terminal, as lines while a sweep begins, as a page beside it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from analysis.markdown import escape
from analysis.visible import on_one_line
from sweeper.finding import Finding

WIDTH = 120
"""Columns."""

_LONGEST_VALUE = 40


def table(findings: Sequence[Finding]) -> list[str]:
    """Returns the lines of the table; what asks for something stands before what is only worth knowing."""
    lines = [f"Preflight: {counted(findings)}"]
    for finding in findings:
        lines += _block(finding) if finding.severity != "note" else _note(finding)
    return lines


def counted(findings: Sequence[Finding]) -> str:
    """Returns `1 error, 2 warnings, 9 notes`."""
    counts = {name: sum(item.severity == name for item in findings) for name in ("error", "warning", "note")}
    told = [f"{count} {name}{'s' if count > 1 else ''}" for name, count in counts.items() if count]
    return ", ".join(told) or "nothing to say"


def brief(finding: Finding) -> str:
    """Returns a finding in one line."""
    what = finding.number or finding.rule
    return f"{finding.severity}: {_what(finding)}: {what}" + (f"; try: {finding.remedy}" if finding.remedy else "")


def rest(findings: Sequence[Finding], said: Sequence[Finding]) -> str:
    """Counts the notes that were not said; empty where there are none."""
    count = sum(finding.severity == "note" and finding not in said for finding in findings)
    return "" if not count else f"{count} note{'s' if count > 1 else ''} {'more ' if said else ''}of preflight"


def page(name: str, findings: Sequence[Finding]) -> str:
    """Returns the table as a Markdown page.

    Args:
        name: The sweep's.
        findings: What was found.
    """
    head = ["", "setting", "number", "rule", "try", "source"]
    rows = [[item.severity, _what(item), item.number, item.rule, item.remedy, item.source] for item in findings]
    lines = [head, ["---"] * len(head), *([escape(cell) for cell in row] for row in rows)]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"# Preflight of {escape(name)}\n\n{counted(findings)}\n\n{table}\n"


def _what(finding: Finding) -> str:
    value = on_one_line(str(finding.value))
    return f"{finding.key}={value if len(value) <= _LONGEST_VALUE else value[: _LONGEST_VALUE - 1] + '…'}"


def _block(finding: Finding) -> Iterator[str]:
    """Yields a finding that asks for something."""
    yield from _wrapped(f"{finding.severity}: {_what(finding)}", "  ")
    if finding.number:
        yield from _wrapped(finding.number, "    ")
    yield from _wrapped(f"{finding.rule} ({finding.source})", "    ")
    if finding.remedy:
        yield from _wrapped(f"try: {finding.remedy}", "    ")


def _note(finding: Finding) -> Iterator[str]:
    number = f"{finding.number}; " if finding.number else ""
    remedy = f"; or {finding.remedy}" if finding.remedy else ""
    yield from _wrapped(f"note: {_what(finding)}: {number}{finding.rule} ({finding.source}){remedy}", "  ")


def _wrapped(text: str, indent: str) -> list[str]:
    kept = on_one_line(text).replace(" %", "\u00a0%").replace(" x ", "\u00a0x\u00a0")  # a number stays in one piece
    lines = textwrap.wrap(
        kept,
        WIDTH,
        initial_indent=indent,
        subsequent_indent=f"{indent}  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [line.replace("\u00a0", " ") for line in lines]
