"""The whole report as Markdown, in the order of document 003."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from types import ModuleType

from analysis.evidence import Evidence
from analysis.figures.drawn import Drawn
from analysis.markdown import escape
from analysis.redaction import redacted
from analysis.report import (
    alternatives,
    characteristics,
    data,
    decisions,
    labels,
    patterns,
    provenance,
    ranking,
    recommended,
    spent,
    winner,
)

Section = Callable[[Evidence], Iterator[str]]

_SECTIONS: tuple[ModuleType, ...] = (
    *(ranking, winner, labels, patterns, recommended, alternatives),
    *(characteristics, decisions, spent, data, provenance),
)


def markdown(evidence: Evidence, pictures: Sequence[Drawn]) -> str:
    """Returns the report.

    Args:
        evidence: What it is made from.
        pictures: Each is shown at the end of its section, from `figures/NAME.svg`.
    """
    name = evidence.sweep.records.name
    lines = [f"# Report of {escape(name)}", ""]
    for section in _SECTIONS:
        lines += [*section.lines(evidence), *_shown(pictures, section.__name__.rpartition(".")[2]), ""]
    return redacted("\n".join(_single_blanks(lines)).rstrip("\n") + "\n")


def _shown(pictures: Sequence[Drawn], section: str) -> Iterator[str]:
    for picture in pictures:
        if picture.section == section:
            yield from (
                "",
                f"![{escape(picture.alt)}](figures/{picture.name}.svg)",
                "",
                f"*{escape(picture.alt)}.*",
                "",
            )


def _single_blanks(lines: Sequence[str]) -> Iterator[str]:
    """Yields the lines, of several empty ones in a row the first: sections need not know what stands before them."""
    is_code, before = False, ""
    for line in "\n".join(lines).split("\n"):
        is_code ^= line.startswith("```")
        if line or before or is_code:
            yield line
        before = line
