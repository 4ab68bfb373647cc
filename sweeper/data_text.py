"""The data of a plan for a person to read: what became of the rows, and three of them as they are trained on."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from analysis.data_words import labels, title, told
from analysis.markdown import table
from analysis.visible import on_one_line, visible
from sweeper.data_facts import MOST_DATA
from trainers.chat_ways import IN_WORDS
from trainers.preview import BEGIN, END


def lines(data: Sequence[Mapping[str, Any]], previews: Sequence[Mapping[str, Any]]) -> list[str]:
    """Returns both, nothing of a sweep that reads no row."""
    several = [f"No more than {MOST_DATA} different data are told of.", ""] if len(data) >= MOST_DATA else []
    return [*(line for found in data for line in _data(found)), *several, *_previews(previews, len(data) > 1)]


def _data(found: Mapping[str, Any]) -> Iterator[str]:
    values = title(found)
    yield f"Data, {on_one_line(values)}" if values else "Data"
    for name, text in told(found).items():
        yield from _wrapped(f"{name}: {on_one_line(text)}")
    if counted := labels(found):
        yield ""
        yield from (f"  {line}" for line in table(counted, plain=True))
    yield ""


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, 120, initial_indent="  ", subsequent_indent="    ", break_long_words=False) or [""]


def _previews(previews: Sequence[Mapping[str, Any]], is_one_of_several: bool) -> Iterator[str]:
    if not previews:
        return
    of = " of the first of these data" if is_one_of_several else ""
    counted = f"{BEGIN} and {END} enclose what is trained on"
    known = any(shown["tokens"] is not None for shown in previews)
    unknown = "" if known else "; the model's tokenizer is not on this machine, so tokens are not known"
    yield f"Rows{of} as they are trained on: {counted}{unknown}"
    for shown in previews:
        yield f"  {_head(shown)}"
        yield from (f"    {line}" if line else "" for line in visible(shown["text"]).replace("\t", "\\t").split("\n"))
    yield ""


def _head(shown: Mapping[str, Any]) -> str:
    # The folder is told above; a bundled file's would be the installation's.
    name = shown["place"].rpartition("/")[2]
    place = f" ({on_one_line(name)})" if name else ""
    told = [f"row {shown['row']:,}{place}"]
    if shown["tokens"] is not None:
        told.append(f"{shown['tokens']:,} tokens, {shown['trained']:,} trained")
    if shown["trained"] == 0:
        told.append("left out, since nothing of its completion is left")
    if shown["weight"] != 1:
        told.append(f"weight {shown['weight']:.3g}")
    if shown["way"] == "last":  # the other ways are said once, of all the data
        told.append(IN_WORDS["last"])
    if shown["crosses"]:
        told.append("a token crosses the end of the prompt")
    return "; ".join(told)
