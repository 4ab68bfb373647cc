"""Scores every label behind every prompt, exactly, computing what prompts share only once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch.nn.functional import pad

from trainers import label_tree, own_mask
from trainers.label_groups import grouped
from trainers.label_tree import Answers, Beginning
from trainers.tokens import Tokens

_GROWS: WeakKeyDictionary[Any, bool] = WeakKeyDictionary()


@dataclass(frozen=True)
class Scores:
    """What a model thinks of each answer's tokens: (slots * batch, answers, tokens), 0 behind an answer's end.

    `log_probabilities` are in nats; `hits` are 1 where the token is the model's own first choice, which `choices` has.
    """

    log_probabilities: torch.Tensor
    hits: torch.Tensor
    choices: torch.Tensor

    def by_slot(self, slots: int) -> list[Scores]:
        """Returns the scores of each slot that shared the pass."""
        parts = (item.chunk(slots) for item in self._parts)
        return [Scores(*part) for part in zip(*parts, strict=True)]

    @property
    def _parts(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        return self.log_probabilities, self.hits, self.choices

    @classmethod
    def joined(cls, groups: Sequence[Scores]) -> Scores:
        """Returns the scores of answers that were scored in groups, filled up with 0 to the longest answer of all."""
        if len(groups) == 1:
            return groups[0]
        longest = max(group.hits.shape[-1] for group in groups)
        sides = zip(*(group._parts for group in groups), strict=True)
        return cls(*(torch.cat([pad(item, (0, longest - item.shape[-1])) for item in side], 1) for side in sides))


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
    beginning = _begun(model, prefix, slots)
    groups = grouped(answers)
    grows = _grows(model, beginning, rows, groups[0])
    for batch in _by_length(rows, batch_size) if grows else _of_equal_length(rows, batch_size):
        prompts = [row.prompt[len(prefix) :] for row in batch]
        logits = label_tree.logits if grows else _branch_by_branch
        scored = [_scores(logits(model, beginning, prompts, group), group) for group in groups]
        yield batch, Scores.joined(scored)


def _begun(model: Any, prefix: Sequence[int], slots: int) -> Beginning:
    if not prefix:
        return Beginning(None, 0, slots)
    ids = torch.tensor([prefix] * slots, device=model.device)
    return Beginning(model(input_ids=ids, use_cache=True, logits_to_keep=1).past_key_values, len(prefix), slots)


def _grows(model: Any, beginning: Beginning, rows: Sequence[Tokens], answers: Answers) -> bool:
    """True where a model scores a tree of answers as it scores them one by one: tried once per model, with one row."""
    longest = max(len(row.prompt) for row in rows) + sum(map(len, answers))
    if not own_mask.is_taken(model, longest):
        return False
    if model not in _GROWS:
        _GROWS[model] = _tried(model, beginning, rows[0], answers)
    return _GROWS[model]


def _tried(model: Any, beginning: Beginning, row: Tokens, answers: Answers) -> bool:
    prompts = [row.prompt[beginning.length :]]
    tree = own_mask.tried(lambda: label_tree.logits(model, beginning, prompts, answers))
    if tree is None:
        return False
    apart = _scores(_branch_by_branch(model, beginning, prompts, answers), answers).log_probabilities
    agreed = own_mask.agrees(model, _scores(tree, answers).log_probabilities, apart)
    return bool(agreed[apart.isfinite()].all())  # a slot that diverged says nothing


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


def _by_length(rows: Sequence[Tokens], batch_size: int) -> Iterator[list[Tokens]]:
    """Yields batches of about the same length, so that little is filled up."""
    ordered = sorted(rows, key=lambda row: len(row.prompt))
    for start in range(0, len(ordered), batch_size):
        yield ordered[start : start + batch_size]


def _of_equal_length(rows: Sequence[Tokens], batch_size: int) -> Iterator[list[Tokens]]:
    by_length: dict[int, list[Tokens]] = {}
    for row in rows:
        by_length.setdefault(len(row.prompt), []).append(row)
    for _, group in sorted(by_length.items()):
        for start in range(0, len(group), batch_size):
            yield group[start : start + batch_size]


def _branch_by_branch(
    model: Any, beginning: Beginning, prompts: Sequence[Sequence[int]], answers: Answers
) -> torch.Tensor:
    """Returns the logits that predict every answer's tokens, (slots * batch, answers, tokens, vocabulary).

    Prompts of equal length: nothing is filled up, and every attention pattern (sliding windows too) sees exactly what
    it would see in the whole sequence.
    """
    rest = torch.tensor(prompts, device=model.device).repeat(beginning.slots, 1)
    cache = beginning.before(len(prompts))
    out = model(input_ids=rest, past_key_values=cache, use_cache=True, logits_to_keep=1)
    table, _ = _table(answers, rest.device)
    first = out.logits[:, -1:].expand(-1, len(answers), -1)[:, :, None]
    later = _later(model, out.past_key_values, table, len(rest)) if table.shape[1] > 1 else first[:, :, :0]
    return torch.cat([first, later], 2)


def _scores(logits: torch.Tensor, answers: Answers) -> Scores:
    table, used = _table(answers, logits.device)
    logits, wanted = logits.float(), table.expand(len(logits), -1, -1)
    log_probabilities = logits.log_softmax(-1).gather(-1, wanted[..., None])[..., 0]
    choices = logits.argmax(-1)
    return Scores(log_probabilities * used, (choices == wanted) * used, choices)


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
