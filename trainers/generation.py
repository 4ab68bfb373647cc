"""Free answers to rows without labels, held against what the rows say."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from trainers import rouge
from trainers.evenly_spaced import evenly_spaced
from trainers.probes.greedy import continued
from trainers.special_tokens import special_ids
from trainers.tokens import TokenRows, Tokens
from trainers.trial import Data

EXACT = "exact_match"


@dataclass(frozen=True)
class Question:
    """Token ids: what a model is asked, and what the row answers."""

    prompt: tuple[int, ...]
    reference: tuple[int, ...]


def question_of(row: Tokens) -> Question:
    """Returns what a row asks last: of a conversation, everything before its last trained turn, and that turn."""
    if row.trained is None:
        return Question(row.prompt, row.completion)
    end = max((place for place, counts in enumerate(row.trained, start=1) if counts), default=0)
    turn = len(list(itertools.takewhile(bool, reversed(row.trained[:end]))))
    return Question((*row.prompt, *row.completion[: end - turn]), row.completion[end - turn : end])


def questions(rows: TokenRows, data: Data) -> list[Question]:
    """Returns what is asked at a rung: `data.generated_rows` of the validation rows that have a prompt, evenly spaced.

    Args:
        rows: A trial's data; of labelled rows, nothing is asked here.
        data: How many.
    """
    if rows.answers or data.generated_rows == 0:
        return []
    asked = [made for made in map(question_of, rows.validation) if made.prompt and made.reference]
    return list(asked if data.generated_rows == "all" else evenly_spaced(asked, data.generated_rows))


def generated(
    model: Any, asked: Sequence[Question], tokenizer: Any, data: Data, batch_size: int, *, slots: int
) -> list[dict[str, float]]:
    """Answers questions greedily and measures the answers; no random number is drawn.

    Every slot answers the same questions, so that the passes have the same shape for all.

    Args:
        model: A causal language model in evaluation mode; call this without gradients. Its first share of rows belongs
            to slot 0, and so on.
        asked: At least one.
        tokenizer: The model's.
        data: The most new tokens, `data.max_new_tokens`.
        batch_size: The most rows per slot and forward pass.
        slots: How many models share the pass.

    Returns:
        `eval_rouge1`, `eval_rouge2`, `eval_rougeL` (means of F-measures) and `eval_exact_match`, the share of answers
        that equal what the row says but for space around it; slot by slot.
    """
    ordered = sorted(asked, key=lambda question: len(question.prompt))  # so that little is filled up
    most = _room(model, len(ordered[-1].prompt), data.max_new_tokens)
    ends = _ends(ordered, tokenizer)
    answers: list[list[str]] = [[] for _ in range(slots)]
    for start in range(0, len(ordered), batch_size):
        prompts = [question.prompt for question in ordered[start : start + batch_size]]
        made = continued(model, prompts * slots, most, tokenizer.eos_token_id, tokenizer.pad_token_id, ends=ends)
        for slot, part in enumerate(_parts(made, len(prompts))):
            answers[slot] += [_text(tokenizer, answer) for answer in part]
    references = [_text(tokenizer, question.reference) for question in ordered]
    return [_compared(mine, references) for mine in answers]


def _parts(made: Sequence[list[int]], size: int) -> Iterator[Sequence[list[int]]]:
    return (made[start : start + size] for start in range(0, len(made), size))


def _room(model: Any, longest: int, most: int) -> int:
    """Returns the new tokens for which there are positions behind the longest prompt, one at least."""
    positions = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    return most if positions is None else max(1, min(most, positions - longest))


def _ends(asked: Sequence[Question], tokenizer: Any) -> set[int]:
    """Returns the special tokens with which the references' turns end: a template may have one of its own."""
    special = special_ids(tokenizer)
    first = (next((token for token in question.reference[1:] if token in special), None) for question in asked)
    return {token for token in first if token is not None}


def _text(tokenizer: Any, tokens: Sequence[int]) -> str:
    return str(tokenizer.decode(tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False))


def _compared(answers: Sequence[str], references: Sequence[str]) -> dict[str, float]:
    equal = sum(answer.strip() == reference.strip() for answer, reference in zip(answers, references, strict=True))
    found = {**rouge.scores(answers, references), EXACT: equal / len(answers)}
    return {f"eval_{name}": value for name, value in found.items()}
