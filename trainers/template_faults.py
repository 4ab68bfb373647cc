"""What is wrong with a template, said once for all rows."""

from __future__ import annotations

from collections.abc import Collection

from trainers import templates
from trainers.data_fault import DataFault
from trainers.shapes import Asked, Shape, Values

KEY = "data.template"

_REMEDY = f"{KEY}={'|'.join(templates.NAMED)}, or a text with {{text}}"


def found(shape: Shape, first: Values, asked: Asked) -> DataFault | None:
    """Holds a template against the first row.

    Args:
        shape: What the rows are.
        first: The first of them.
        asked: The template, and the labels to choose from.

    Returns:
        The first thing that is wrong: nothing to stand around, a place that nothing fills, no place for the text.
    """
    template = templates.of(asked.data)
    if template is None:
        return None
    if not shape.texts:
        rule = f"rows of {shape.name} have no prompt of their own that a template could stand around"
        return DataFault(KEY, rule, f"{KEY}=null")
    columns = [*first, *(name for name in shape.texts if name == "input")]  # which a row of Alpaca may lack
    if unknown := templates.unknown(template, columns):
        there = _written(dict.fromkeys([*templates.OWN, *columns]))
        return DataFault(KEY, f"nothing fills {_written(unknown)}; there is {there}", _REMEDY)
    named = templates.places(template)
    if not set(shape.texts) & set(named):
        rule = f"has no place for a row's text, {_written(shape.texts)}, so that every prompt would be the same"
        return DataFault(KEY, rule, _REMEDY)
    return _empty(set(named), columns, asked)


def _written(names: Collection[str]) -> str:
    return ", ".join(f"{{{name}}}" for name in names)


def _empty(named: set[str], columns: Collection[str], asked: Asked) -> DataFault | None:
    """Finds places that would be filled with nothing, in every row."""
    if "choices" in named and not asked.labels:
        return DataFault(KEY, "has a place for {choices}, and these rows have no labels", "a template without it")
    has_instruction = "instruction" in columns or asked.data.instruction or asked.data.template == templates.ALPACA
    if "instruction" in named and not has_instruction:
        rule = "has a place for {instruction}, and neither a column of the rows nor data.instruction fills it"
        return DataFault(KEY, rule, "data.instruction='Classify the text.'")
    return None
