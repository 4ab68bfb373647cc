"""Token ids of examples, exactly as TRL prepares a prompt/completion data set."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from trainers import fingerprints
from trainers.data import Example, Rows, completion_of
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
class TokenRows:
    """A trial's data as token ids.

    `answers` are the completions of the `labels`, in their order; `minority` indexes the rarest; `fingerprint` is
    that of the validation rows as they are evaluated.
    """

    train: list[Tokens]
    validation: list[Tokens]
    answers: list[tuple[int, ...]]
    minority: int | None = None
    fingerprint: str = ""
    labels: tuple[str, ...] = ()


def tokenize(rows: Rows, tokenizer: Any, max_length: int) -> TokenRows:
    """Turns examples into token ids.

    Args:
        rows: The examples.
        tokenizer: A transformers tokenizer with an end-of-sequence token.
        max_length: Longer examples are cut on the right, as TRL does.

    Returns:
        The token ids.

    Raises:
        TrialFailed: Nothing is left to train on, or to evaluate with, at this `max_length`.
    """
    train, evaluated = (_tokens(examples, tokenizer, max_length) for examples in (rows.train, rows.validation))
    if not train or not evaluated:
        side = "validation" if train else "training"
        raise TrialFailed(f"training.max_length={max_length} cuts off every completion of the {side} rows")
    texts = (_text(example, made, tokenizer, max_length) for example, made in evaluated)
    return TokenRows(
        train=[made for _, made in train],
        validation=[made for _, made in evaluated],
        answers=_answers(rows, tokenizer),
        minority=rows.minority,
        fingerprint=fingerprints.of_texts(texts),
        labels=tuple(rows.labels),
    )


def _text(example: Example, made: Tokens, tokenizer: Any, max_length: int) -> tuple[str, str, int | None]:
    """Returns a row's text, and of one that was cut, how many tokens are left."""
    length = len(made.prompt) + len(made.completion)
    is_cut = length == max_length and made.completion[-1] != tokenizer.eos_token_id
    return example.prompt, example.completion, length if is_cut else None


def _answers(rows: Rows, tokenizer: Any) -> list[tuple[int, ...]]:
    """Returns every label's completion as it is tokenised behind a prompt."""
    return [
        _one(Example(rows.train[0].prompt, completion_of(label, rows.separator)), tokenizer, sys.maxsize).completion
        for label in rows.labels
    ]


def _tokens(examples: Sequence[Example], tokenizer: Any, max_length: int) -> list[tuple[Example, Tokens]]:
    """Returns what is left of each example that has something to learn."""
    made = [(example, _one(example, tokenizer, max_length)) for example in examples]
    return [(example, tokens) for example, tokens in made if tokens.completion]


def _one(example: Example, tokenizer: Any, max_length: int) -> Tokens:
    whole = _ids(tokenizer, example.prompt + example.completion + tokenizer.eos_token)
    # As in TRL, the completion begins where prompt and whole text diverge.
    length = _common_prefix(_ids(tokenizer, example.prompt), whole) if example.prompt else 0
    cut = whole[:max_length]
    return Tokens(tuple(cut[:length]), tuple(cut[length:]), example.label)


def _common_prefix(one: Sequence[int], other: Sequence[int]) -> int:
    return next(
        (index for index, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )


def _ids(tokenizer: Any, text: str) -> list[int]:
    return list(tokenizer(text)["input_ids"])
