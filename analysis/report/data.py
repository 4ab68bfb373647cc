"""What a sweep was trained and measured on; nothing of sweeps whose log does not say."""

from __future__ import annotations

from collections.abc import Iterator

from analysis.data_words import labels, places, title, told
from analysis.evidence import Evidence
from analysis.json_tag import mapping
from analysis.markdown import escape, table
from analysis.records import DATA


def lines(evidence: Evidence) -> Iterator[str]:
    """Yields the section."""
    data = mapping(evidence.sweep.tags, DATA).get("data", [])
    if not data:
        return
    yield from ("## Data", "")
    for found in data:
        if values := title(found):
            yield from (f"Trials with {escape(values)}:", "")
        known = told(found, with_places=False)
        yield from (*table([{"What": name, "Known before training": text} for name, text in known.items()]), "")
        if named := places(found):
            yield from ("The first of the rows that were left out:", "", *(f"- {escape(place)}" for place in named), "")
        if counted := labels(found):
            yield from (*table(counted), "")
