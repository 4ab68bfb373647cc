"""Token ids of examples, cut to a length, and the account of what the cutting left."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from trainers import fingerprints
from trainers.chat import Chat
from trainers.data import Example, Rows, completion_of
from trainers.rendering import Rendered, Rendering
from trainers.seam import TrialFailed

IGNORED = -100
"""The label of a position that takes no part in the loss (`torch.nn.CrossEntropyLoss.ignore_index`)."""


@dataclass(frozen=True)
class Tokens:
    """One example: prompt ids, then completion ids with the end-of-sequence token.

    `trained` says of each of the completion's tokens whether the loss counts it, None where it counts all: between the
    assistant's turns of a conversation stand the user's. `weight` is what they count.
    """

    prompt: tuple[int, ...]
    completion: tuple[int, ...]
    label: int | None = None
    trained: tuple[bool, ...] | None = None
    weight: float = 1.0

    @property
    def targets(self) -> list[int]:
        """The completion's ids, IGNORED where the loss does not count one."""
        if self.trained is None:
            return list(self.completion)
        return [token if counts else IGNORED for token, counts in zip(self.completion, self.trained, strict=True)]

    @property
    def predicted(self) -> int:
        """How many of the counted tokens something predicts: nothing precedes the first of an empty prompt."""
        counted = self.targets if self.prompt else self.targets[1:]
        return len(counted) - counted.count(IGNORED)

    def row(self) -> dict[str, list[int]]:
        """Returns `input_ids` and `labels`, each of shape (sequence,), as TRL's collator takes them."""
        return {
            "input_ids": [*self.prompt, *self.completion],
            "labels": [IGNORED] * len(self.prompt) + self.targets,
        }


@dataclass(frozen=True)
class Cutting:
    """What became of one side's rows as they were cut to `training.max_length`; rows = those kept + dropped.

    `dropped` rows have no token left that the loss counts; `truncated` ones are kept, and are shorter than they were.
    `crossing` counts rows with a token that holds the prompt's end and the completion's beginning, `last_turn`
    conversations of which the last answer alone is counted, `merged` those whose system message stands in the user's.
    """

    rows: int = 0
    dropped: int = 0
    truncated: int = 0
    crossing: int = 0
    last_turn: int = 0
    merged: int = 0

    def facts(self, side: str) -> dict[str, int]:
        """Returns what is recorded with a trial; what concerns few trials, only where there is any of it."""
        rare = {"crossing": self.crossing, "last_turn": self.last_turn, "merged": self.merged}
        found = {"dropped": self.dropped, "truncated": self.truncated} | {key: n for key, n in rare.items() if n}
        return {f"data.{side}_{key}": count for key, count in found.items()}


@dataclass(frozen=True)
class TokenRows:
    """A trial's data as token ids.

    `answers` are the completions of the `labels`, in their order; `minority` indexes the rarest; `fingerprint` is
    that of the validation rows as they are evaluated. `chat` renders conversations, None where the rows are none.
    `instructed` is that of `trainers.data.Rows`.
    """

    train: list[Tokens]
    validation: list[Tokens]
    answers: list[tuple[int, ...]]
    minority: int | None = None
    fingerprint: str = ""
    labels: tuple[str, ...] = ()
    cut_train: Cutting = field(default_factory=Cutting)
    cut_validation: Cutting = field(default_factory=Cutting)
    chat: Chat | None = None
    way: str = ""
    instructed: bool = False

    @property
    def facts(self) -> dict[str, str | int]:
        """What is recorded with a trial: how many rows were cut or dropped, and how conversations were rendered."""
        told = {"data.chat": self.way} if self.way else {}
        return {**told, **self.cut_train.facts("train"), **self.cut_validation.facts("validation")}


@dataclass(frozen=True)
class Kept:
    """An example of which something is left to learn."""

    example: Example
    rendered: Rendered
    tokens: Tokens


def tokenize(rows: Rows, tokenizer: Any, max_length: int, completion_only: bool = True) -> TokenRows:
    """Turns examples into token ids.

    Args:
        rows: The examples.
        tokenizer: A transformers tokenizer with an end-of-sequence token.
        max_length: Longer examples are cut on the right, as TRL does.
        completion_only: False trains on prompts, too; what is evaluated is the completions all the same.

    Returns:
        The token ids.

    Raises:
        TrialFailed: Nothing is left to train on, or to evaluate with, at this `max_length`.
    """
    rendering = Rendering(tokenizer)
    train, cut_train = _side(rows.train, rendering, max_length, completion_only)
    evaluated, cut_validation = _side(rows.validation, rendering, max_length)
    if not train or not evaluated:
        side = "validation" if train else "training"
        raise TrialFailed(f"training.max_length={max_length} cuts off every completion of the {side} rows")
    ways = sorted({kept.rendered.way for kept in (*train, *evaluated) if kept.rendered.way is not None})
    return TokenRows(
        train=[kept.tokens for kept in train],
        validation=[kept.tokens for kept in evaluated],
        answers=_answers(rows, rendering),
        minority=rows.minority,
        fingerprint=fingerprints.of_texts(_texts(evaluated, rendering, max_length)),
        labels=tuple(rows.labels),
        cut_train=cut_train,
        cut_validation=cut_validation,
        chat=rendering.chat if ways else None,
        way=", ".join(ways),
        instructed=rows.instructed,
    )


def cut(example: Example, rendered: Rendered, max_length: int) -> Tokens:
    """Returns the first `max_length` ids; the completion begins with the first that the loss counts, or is empty."""
    begin, end = min(rendered.begin, max_length), min(rendered.end, max_length)
    trained = rendered.trained[begin:end]
    return Tokens(
        prompt=rendered.ids[:begin],
        completion=rendered.ids[begin:end],
        label=example.label,
        trained=None if all(trained) else trained,
        weight=example.weight,
    )


def _side(
    examples: Sequence[Example], rendering: Rendering, max_length: int, completion_only: bool = True
) -> tuple[list[Kept], Cutting]:
    """Returns what is left of each example that has something to learn, and the account of all."""
    made = [
        Kept(example, rendered, cut(example, rendered, max_length))
        for example, rendered in _rendered(examples, rendering, completion_only)
    ]
    kept = [item for item in made if item.tokens.completion]
    found = [item.rendered for item in kept]
    return kept, Cutting(
        rows=len(made),
        dropped=len(made) - len(kept),
        truncated=sum(item.end > max_length for item in found),
        crossing=sum(item.crosses for item in found),
        last_turn=sum(item.way == "last" for item in found),
        merged=sum(item.has_merged for item in found),
    )


def _rendered(
    examples: Sequence[Example], rendering: Rendering, completion_only: bool
) -> Iterator[tuple[Example, Rendered]]:
    for example in examples:
        made = rendering.of(example)
        yield example, made if completion_only else made.everywhere()


def _texts(evaluated: Sequence[Kept], rendering: Rendering, max_length: int) -> Iterator[tuple[str, str, int | None]]:
    """Yields each row's text, and of one that was cut, how many tokens are left."""
    for kept in evaluated:
        is_cut = kept.rendered.end > max_length
        yield *rendering.texts(kept.example, kept.rendered), max_length if is_cut else None


def _answers(rows: Rows, rendering: Rendering) -> list[tuple[int, ...]]:
    """Returns every label's completion as it is tokenised behind a prompt."""
    asked = [Example(rows.train[0].prompt, completion_of(label, rows.separator)) for label in rows.labels]
    return [cut(example, rendering.of(example), sys.maxsize).completion for example in asked]
