"""What is put around a row's text to make a prompt of it.

`{name}` is a place that is filled, where the name is a word; other braces are text, as of JSON, and `{{name}}` is the
text `{name}`. What is filled in is never looked into for places.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from trainers.cells import optional
from trainers.found_rows import Unusable
from trainers.trial import Data

ALPACA = "alpaca"

_INSTRUCTION = """Instruction: {instruction}
Choose from: {choices}.

Text: {text}

Answer:"""  # document 000, Instruction Template Quality

# The data's own README, github.com/tatsu-lab/stanford_alpaca, Data Release: with an input, and without.
_WITH_INPUT = """Below is an instruction that describes a task, paired with an input that provides further context. \
Write a response that appropriately completes the request.

### Instruction:
{instruction}

### Input:
{text}

### Response:
"""
_WITHOUT_INPUT = """Below is an instruction that describes a task. \
Write a response that appropriately completes the request.

### Instruction:
{instruction}

### Response:
"""

NAMED = {"instruction": _INSTRUCTION, ALPACA: _WITH_INPUT}
"""Templates that are asked for by name."""

OWN = ("text", "choices", "instruction")
"""Places that are filled whatever columns a row has."""

_PLACE = re.compile(r"\{\{([^\W\d]\w*)\}\}|\{([^\W\d]\w*)\}")


def of(data: Data) -> str | None:
    """Returns the template's text, None where the text alone is the prompt."""
    return NAMED.get(data.template, data.template) if data.template else None


def places(template: str) -> list[str]:
    """Returns the names of the places that are filled, in their order, each once."""
    return list(dict.fromkeys(found.group(2) for found in _PLACE.finditer(template) if found.group(2)))


def filled(template: str, values: Mapping[str, str]) -> str:
    """Returns the template with its places filled."""

    def fill(found: re.Match[str]) -> str:
        return values[found.group(2)] if found.group(2) else f"{{{found.group(1)}}}"

    return _PLACE.sub(fill, template)


def prompt(text: str, data: Data, labels: Sequence[str], columns: Mapping[str, Any] | None = None) -> str:
    """Puts the template around a text.

    Args:
        text: What `{text}` stands for.
        data: The template, and the instruction for rows without one of their own.
        labels: The choices.
        columns: The rest of the text's row; None for a prompt that somebody typed, which has none: other places than
            `OWN` are then empty.

    Raises:
        Unusable: The row lacks a column that the template has a place for.
    """
    template = of(data)
    if template is None:
        return text
    row = columns or {}
    instruction = optional(row, "instruction") or data.instruction or ""
    if data.template == ALPACA:
        return alpaca(instruction, text)
    values = {"text": text, "choices": ", ".join(labels), "instruction": instruction}
    for name in places(template):
        if name not in OWN and columns is not None and name not in columns:
            raise Unusable(f"no column {name}", "the template has a place for it")
        values.setdefault(name, optional(row, name))
    return filled(template, values)


def alpaca(instruction: str, text: str) -> str:
    """Returns the prompt of the Alpaca data; a text without an instruction is one, and a blank text is left out."""
    if instruction.strip() and text.strip():
        return filled(_WITH_INPUT, {"instruction": instruction, "text": text})
    return filled(_WITHOUT_INPUT, {"instruction": instruction if instruction.strip() else text})


def unknown(template: str, columns: Collection[str]) -> list[str]:
    """Returns the places that nothing fills."""
    return [name for name in places(template) if name not in OWN and name not in columns]
