"""Scores every label behind every prompt, exactly, computing what prompts share only once.

Rows of equal length form a batch, so nothing is padded and every attention pattern (sliding windows too) sees exactly
what it would see in the whole sequence.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from trainers.tokens import Tokens

Answers = Sequence[Sequence[int]]


@dataclass(frozen=True)
class Scores:
    """What a model thinks of each answer's tokens: (slots * batch, answers, tokens), 0 behind an answer's end.

    `log_probabilities` are in nats; `hits` are 1 where the token is the model's own first choice.
    """

    log_probabilities: torch.Tensor
    hits: torch.Tensor

    def by_slot(self, slots: int) -> list[Scores]:
        """Returns the scores of each slot that shared the pass."""
        parts = zip(self.log_probabilities.chunk(slots), self.hits.chunk(slots), strict=True)
        return [Scores(*part) for part in parts]


def score(
    model: Any, rows: Sequence[Tokens], answers: Answers, batch_size: int, slots: int = 1
) -> Iterator[tuple[list[Tokens], Scores]]:
    """Scores all answers for all rows.

    Args:
        model: A causal language model in evaluation mode; call this without gradients.
        rows: Rows, of which only the prompts are read.
        answers: Token ids of each answer, all behind the prompt.
        batch_size: The most prompts per slot and forward pass.
        slots: How many adapters share the pass; every batch is repeated for each.

    Yields:
        A batch of rows and its scores, slot after slot; every row comes exactly once, in an order of its own.
    """
    prefix = shared_prefix([row.prompt for row in rows])
    start = None
    if prefix:
        ids = torch.tensor([prefix] * slots, device=model.device)
        start = model(input_ids=ids, use_cache=True, logits_to_keep=1).past_key_values
    for batch in _batches(rows, batch_size):
        rest = torch.tensor([row.prompt[len(prefix) :] for row in batch], device=model.device)
        yield batch, _score_batch(model, start, rest.repeat(slots, 1), answers, slots)


def shared_prefix(prompts: Sequence[Sequence[int]]) -> list[int]:
    """Returns the longest common prefix that leaves at least one token of every prompt."""
    shortest = max(0, min(map(len, prompts)) - 1)
    columns = zip(*(prompt[:shortest] for prompt in prompts), strict=True)
    prefix: list[int] = []
    for column in columns:
        if len(set(column)) > 1:
            break
        prefix.append(column[0])
    return prefix


def _batches(rows: Sequence[Tokens], batch_size: int) -> Iterator[list[Tokens]]:
    by_length: dict[int, list[Tokens]] = {}
    for row in rows:
        by_length.setdefault(len(row.prompt), []).append(row)
    for _, group in sorted(by_length.items()):
        for start in range(0, len(group), batch_size):
            yield group[start : start + batch_size]


def _score_batch(model: Any, start: Any, rest: torch.Tensor, answers: Answers, slots: int) -> Scores:
    cache = copy.deepcopy(start)
    if cache is not None:
        cache.batch_repeat_interleave(len(rest) // slots)
    out = model(input_ids=rest, past_key_values=cache, use_cache=True, logits_to_keep=1)
    table, used = _table(answers, rest.device)
    first = out.logits[:, -1:].expand(-1, len(answers), -1)[:, :, None]
    later = _later(model, out.past_key_values, table, len(rest)) if table.shape[1] > 1 else first[:, :, :0]
    logits = torch.cat([first, later], 2).float()
    wanted = table.expand(len(rest), -1, -1)
    log_probabilities = logits.log_softmax(-1).gather(-1, wanted[..., None])[..., 0]
    return Scores(log_probabilities * used, (logits.argmax(-1) == wanted) * used)


def _table(answers: Answers, device: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns the answers' ids, filled up with 0, and a mask of what is theirs, both of shape (answers, tokens)."""
    length = max(map(len, answers))
    ids = [[*answer, *[0] * (length - len(answer))] for answer in answers]
    used = [[position < len(answer) for position in range(length)] for answer in answers]
    return torch.tensor(ids, device=device), torch.tensor(used, device=device)


def _later(model: Any, cache: Any, table: torch.Tensor, batch: int) -> torch.Tensor:
    """Returns the logits for the answers' second to last tokens, of shape (batch, answers, tokens - 1, vocabulary)."""
    cache.batch_repeat_interleave(len(table))
    logits = model(input_ids=table[:, :-1].repeat(batch, 1), past_key_values=cache, use_cache=True).logits
    return torch.as_tensor(logits).view(batch, len(table), table.shape[1] - 1, -1)
