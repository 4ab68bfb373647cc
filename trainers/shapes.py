"""The shapes that rows come in, and what is made of each: the one table that says which there are."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trainers import boundary, conversations, templates
from trainers.cells import optional, shown, text_in
from trainers.example import Example
from trainers.found_rows import BadRow, Row, Unusable
from trainers.trial import Data

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Asked:
    """What rows are made into examples by: the settings, and the closed set of answers of labelled rows."""

    data: Data
    labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Shape:
    """A shape: the columns that tell it (others may be there), and what makes an example of such a row.

    `texts` are the places that stand for what is particular to a row, in a template around it; none where there is
    nothing that a template could stand around.
    """

    columns: tuple[str, ...]
    made: Callable[[Values, Asked], Example]
    texts: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Its columns, as people say them."""
        return " and ".join(self.columns)


def _prompted(text: str, completion: str, values: Values, asked: Asked) -> Example:
    """Makes an example of a text that is answered; as much as a template needs of the row is filled in."""
    prompt = templates.prompt(text, asked.data, asked.labels, values)
    return Example(*boundary.moved(prompt, completion))


def _labelled(values: Values, asked: Asked) -> Example:
    text, label = text_in(values, "text"), text_in(values, "label").strip()
    if label not in asked.labels:
        raise Unusable("unknown label", f"{shown(label)}; known are {_listed(asked.labels)}")
    prompt = templates.prompt(text, asked.data, asked.labels, values).rstrip(boundary.BLANKS)
    answer = separator(asked.data) + label
    return Example(prompt, answer, asked.labels.index(label), text, columns=values)


def _answered(values: Values, asked: Asked) -> Example:
    """Makes a prompt and its completion into an example, both text or both turns as TRL takes them."""
    prompt, completion = values["prompt"], values["completion"]
    if isinstance(prompt, Sequence) and isinstance(completion, Sequence) and not isinstance(prompt, str):
        if asked.data.template:
            raise Unusable("turns, around which no template stands", f"data.template={shown(asked.data.template)}")
        if not isinstance(completion, str):
            return conversations.example_of([*prompt, *completion], values, "prompt")
        raise Unusable("completion that is no list of turns, as its prompt is", shown(completion))
    return _prompted(text_in(values, "prompt"), text_in(values, "completion"), values, asked)


def _instructed(values: Values, asked: Asked) -> Example:
    instruction, given = text_in(values, "instruction"), optional(values, "input")
    output = text_in(values, "output")
    if asked.data.template in {None, "", templates.ALPACA}:
        return Example(*boundary.moved(templates.alpaca(instruction, given), output))
    return _prompted(given or instruction, output, {"input": "", **values}, asked)


SHAPES = (
    Shape(
        ("messages",),
        lambda values, asked: conversations.example_of(values["messages"], values, "messages"),
    ),
    Shape(
        ("conversations",),
        lambda values, asked: conversations.example_of(values["conversations"], values, "conversations"),
    ),
    Shape(("text", "label"), _labelled, ("text",)),
    Shape(("prompt", "completion"), _answered, ("text", "prompt")),
    Shape(("instruction", "output"), _instructed, ("text", "instruction", "input")),
    Shape(("text",), lambda values, asked: Example("", text_in(values, "text"))),
)
"""In the order in which they are looked for: public data carry their other renderings along, as Alpaca's `text`."""

LABELLED, INSTRUCTED = SHAPES[2], SHAPES[4]

NAMES = ", or ".join(shape.name for shape in SHAPES)

NO_SHAPE = "columns of no known shape"

_MOST_LABELS = 12  # in a message


def remedy(row: BadRow) -> str:
    """Returns what would mend a source of which no row can be used, by what is wrong with the first."""
    if row.reason != NO_SHAPE:
        return "rows as docs/data.md shows them"
    return f"columns that are called {NAMES}; a CSV file names them in its first line (docs/data.md)"


def _listed(labels: Sequence[str]) -> str:
    more = len(labels) - _MOST_LABELS
    return ", ".join(labels[:_MOST_LABELS]) + (f" and {more:,} more" if more > 0 else "")


def separator(data: Data) -> str:
    """Returns what stands between every prompt of labelled rows and the label."""
    return boundary.separator(templates.of(data) or "")


def shape_of(values: Values) -> Shape | None:
    """Returns the first shape whose columns a row has."""
    return next((shape for shape in SHAPES if set(shape.columns) <= set(values)), None)


def examined(row: Row, shape: Shape | None, asked: Asked) -> Example | BadRow:
    """Makes an example of a row; `shape` is the one that its file's first row has, None where no row has any."""
    found = shape_of(row.values)
    columns = ", ".join(map(shown, sorted(row.values)))
    if found is not shape or shape is None:
        if found is None:
            return BadRow(row.place, NO_SHAPE, columns or "none")
        return BadRow(row.place, "columns of another shape", f"{columns}; the first row has {shape and shape.name}")
    try:
        made = shape.made(row.values, asked)
    except Unusable as error:
        return BadRow(row.place, error.reason, error.detail)
    return dataclasses.replace(made, place=row.place)
