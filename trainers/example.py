"""A row as it is trained on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Turn = Mapping[str, Any]
"""One message of a conversation: `role`, `content`, and whatever else its row says of it."""


@dataclass(frozen=True)
class Example:
    """A row as it is trained on: the loss is on the completion only. `label` indexes `Rows.labels`.

    `text` is a labelled row's own text, before the template made a prompt of it, and `columns` the rest of that row,
    for the same template around a variant. `weight` is what its tokens count in the loss, 1 for an ordinary row.
    `messages` are the turns of a conversation, which the tokenizer's chat template renders: prompt and completion are
    then its plain text, the completion that of the last turn, which is an assistant's. `place` is where the row
    stands: a file and a line.
    """

    prompt: str
    completion: str
    label: int | None = None
    text: str = field(default="", compare=False, repr=False)
    weight: float = 1.0
    messages: tuple[Turn, ...] = field(default=(), compare=False)
    place: str = field(default="", compare=False, repr=False)
    columns: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)
