"""How a training row reads once it is tokens, with what the loss counts marked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from trainers.data import Example
from trainers.rendering import Rendered, Rendering
from trainers.tokens import cut

BEGIN, END = "⟦", "⟧"
"""They enclose what the loss counts."""

MOST_SHOWN = 480
"""Characters of a passage; of a longer one the middle is left out."""


@dataclass(frozen=True)
class Preview:
    """A training row to look at.

    `text` is what the tokens read as; `tokens` are those that are kept, `trained` those among them that the loss
    counts, both None where no tokenizer is at hand; `cut` are those beyond `training.max_length`. `way` is how a
    conversation was marked (`trainers.chat`).
    """

    row: int
    place: str
    text: str
    tokens: int | None = None
    trained: int | None = None
    cut: int = 0
    crosses: bool = False
    way: str = ""
    weight: float = 1.0


def without_tokens(row: int, example: Example, completion_only: bool = True) -> Preview:
    """Returns a row's text as prompt and completion: nobody here knows its tokens."""
    prompt, completion = _middle_left_out(example.prompt), _middle_left_out(example.completion)
    text = f"{prompt}{BEGIN}{completion}{END}" if completion_only else f"{BEGIN}{prompt}{completion}{END}"
    return Preview(row, example.place, text, weight=example.weight)


def preview(row: int, example: Example, tokenizer: Any, max_length: int, completion_only: bool = True) -> Preview:
    """Renders a row as it is trained on.

    Args:
        row: Its number among the training rows, from 1 on.
        example: The row.
        tokenizer: The model's own.
        max_length: Where it is cut.
        completion_only: False where prompts are trained on, too.

    Raises:
        TrialFailed: The chat template refuses the conversation.
    """
    made = Rendering(tokenizer).of(example)
    made = made if completion_only else made.everywhere()
    kept = cut(example, made, max_length)
    beyond = max(0, made.end - max_length)
    return Preview(
        row=row,
        place=example.place,
        text="".join([*_marked(_passages(made, max_length, tokenizer)), *_cut(beyond, max_length)]),
        tokens=len(kept.prompt) + len(kept.completion),
        trained=kept.predicted,
        cut=beyond,
        crosses=made.crosses,
        way=made.way or "",
        weight=example.weight,
    )


def _cut(beyond: int, max_length: int) -> Iterator[str]:
    if beyond:
        yield f" [cut here, at {max_length:,} tokens: {beyond:,} more]"


def _passages(made: Rendered, max_length: int, tokenizer: Any) -> Iterator[tuple[bool, str]]:
    """Yields what the kept tokens read as, split where the loss begins or ceases to count them."""
    ids = list(made.ids[: min(made.end, max_length)])
    at, text = 0, ""
    for counts, run in groupby(made.trained[: len(ids)]):
        at += len(list(run))
        # Decoded from the beginning each time: some tokenizers read a token otherwise where nothing precedes it.
        whole = tokenizer.decode(ids[:at], clean_up_tokenization_spaces=False)
        yield counts, whole[len(text) :]
        text = whole


def _marked(passages: Iterator[tuple[bool, str]]) -> Iterator[str]:
    for counts, text in passages:
        shown = _middle_left_out(text)
        yield f"{BEGIN}{shown}{END}" if counts else shown


def _middle_left_out(text: str) -> str:
    left = len(text) - MOST_SHOWN
    half = MOST_SHOWN // 2
    return f"{text[:half]} […{left:,} characters…] {text[-half:]}" if left > 0 else text


def chosen(count: int) -> Sequence[int]:
    """Returns the places of the first, the middle and the last of some rows."""
    return sorted({0, count // 2, count - 1}) if count else []
