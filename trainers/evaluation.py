"""The objective: token-weighted loss over the whole validation set, and for labelled data the labels' scores.

TRL's own `eval_loss` averages per-batch means, and so changes with the batch size, with packing, with label smoothing
and with the loss type (facts, section 1). This one does not: sum of the completion tokens' negative log-likelihoods
divided by their number.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from trainers.tokens import IGNORED, Tokens


@dataclass(frozen=True)
class Batch:
    """Right-padded rows. All of shape (batch, sequence); `labels` is IGNORED outside the completion."""

    input_ids: torch.Tensor
    attention_mask: torch.Tensor
    labels: torch.Tensor


def evaluate(
    model: Any, rows: Sequence[Tokens], answers: Sequence[Sequence[int]], batch_size: int, pad: int
) -> dict[str, float]:
    """Measures a model on the validation rows.

    Args:
        model: A causal language model, with or without an adapter; it is left in the mode it was in.
        rows: The validation rows.
        answers: The labels' completions; empty for unlabelled data.
        batch_size: Rows per forward pass.
        pad: The padding token's id.

    Returns:
        `eval_loss` (nats per completion token), `perplexity`, `token_accuracy`, and for labelled data `eval_accuracy`
        and `eval_macro_f1`: the predicted label is the one whose completion has the highest log-probability.
    """
    mode = model.training
    model.eval()
    with torch.no_grad():
        values = _token_values(model, rows, batch_size, pad)
        if answers:
            values |= _label_values(model, rows, answers, batch_size, pad)
    model.train(mode)
    return values


def _token_values(model: Any, rows: Sequence[Tokens], batch_size: int, pad: int) -> dict[str, float]:
    loss = hits = count = 0.0
    for batch in _batches(rows, batch_size, pad, model.device):
        logits, targets = _completion_logits(model, batch)
        counted = targets != IGNORED
        picked = logits[counted].float()
        loss += torch.nn.functional.cross_entropy(picked, targets[counted], reduction="sum").item()
        hits += (picked.argmax(-1) == targets[counted]).sum().item()
        count += int(counted.sum())
    mean = loss / count
    return {"eval_loss": mean, "perplexity": _exp(mean), "token_accuracy": hits / count}


def _completion_logits(model: Any, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns logits (batch, kept, vocabulary) and their targets (batch, kept), from the first completion token on."""
    first = int((batch.labels != IGNORED).any(0).nonzero()[0])
    keep = batch.labels.shape[1] - max(first - 1, 0)
    logits = model(
        input_ids=batch.input_ids, attention_mask=batch.attention_mask, logits_to_keep=keep, use_cache=False
    ).logits
    return logits[:, :-1], batch.labels[:, -keep:][:, 1:]


def _label_values(
    model: Any, rows: Sequence[Tokens], answers: Sequence[Sequence[int]], batch_size: int, pad: int
) -> dict[str, float]:
    labelled = [row for row in rows if row.label is not None]
    predicted: list[int] = []
    for start in range(0, len(labelled), batch_size):
        prompts = [row.prompt for row in labelled[start : start + batch_size]]
        predicted += label_scores(model, prompts, answers, pad).argmax(-1).tolist()
    truth = [int(row.label) for row in labelled if row.label is not None]
    hits = sum(a == b for a, b in zip(truth, predicted, strict=True))
    return {"eval_accuracy": hits / len(truth), "eval_macro_f1": macro_f1(truth, predicted)}


def label_scores(
    model: Any, prompts: Sequence[Sequence[int]], answers: Sequence[Sequence[int]], pad: int
) -> torch.Tensor:
    """Scores every answer behind every prompt; the prompt is computed once for all its answers.

    Args:
        model: A causal language model in evaluation mode.
        prompts: Token ids of each prompt.
        answers: Token ids of each answer.
        pad: The padding token's id.

    Returns:
        Log-probabilities of the whole answers, of shape (prompts, answers).
    """
    # Left-padded, so that every answer continues directly behind its prompt.
    ids, mask = _left_padded(prompts, pad, model.device)
    positions = (mask.cumsum(-1) - 1).clamp(min=0)
    past = model(input_ids=ids, attention_mask=mask, position_ids=positions, use_cache=True, logits_to_keep=1)
    first = past.logits[:, -1].float().log_softmax(-1)[:, [answer[0] for answer in answers]]
    if max(map(len, answers)) == 1:
        return first
    return first + _later_tokens(model, past.past_key_values, mask, positions[:, -1:], answers, pad)


def _later_tokens(
    model: Any, cache: Any, mask: torch.Tensor, last: torch.Tensor, answers: Sequence[Sequence[int]], pad: int
) -> torch.Tensor:
    """Returns the log-probabilities of the answers' second to last tokens, of shape (prompts, answers)."""
    count, length = len(answers), max(map(len, answers)) - 1
    cache.batch_repeat_interleave(count)
    table = torch.full((count, length + 1), pad, device=mask.device)
    for row, answer in enumerate(answers):
        table[row, : len(answer)] = torch.tensor(answer, device=mask.device)
    used = torch.tensor([[position < len(answer) for position in range(1, length + 1)] for answer in answers])
    ids = table.repeat(len(mask), 1)
    logits = model(
        input_ids=ids[:, :-1],
        attention_mask=torch.cat([mask.repeat_interleave(count, 0), torch.ones_like(ids[:, :-1])], -1),
        position_ids=last.repeat_interleave(count, 0) + torch.arange(1, length + 1, device=mask.device),
        past_key_values=cache,
        use_cache=True,
    ).logits
    scores = logits.float().log_softmax(-1).gather(-1, ids[:, 1:, None])[..., 0]
    return (scores * used.to(mask.device).repeat(len(mask), 1)).sum(-1).view(-1, count)


def _left_padded(prompts: Sequence[Sequence[int]], pad: int, device: Any) -> tuple[torch.Tensor, torch.Tensor]:
    length = max(map(len, prompts))
    ids = torch.full((len(prompts), length), pad, device=device)
    mask = torch.zeros_like(ids)
    for row, prompt in enumerate(prompts):
        ids[row, length - len(prompt) :] = torch.tensor(prompt, device=device)
        mask[row, length - len(prompt) :] = 1
    return ids, mask


def _batches(rows: Sequence[Tokens], batch_size: int, pad: int, device: Any) -> Iterator[Batch]:
    for start in range(0, len(rows), batch_size):
        yield _right_padded(rows[start : start + batch_size], pad, device)


def _right_padded(rows: Sequence[Tokens], pad: int, device: Any) -> Batch:
    length = max(len(row.prompt) + len(row.completion) for row in rows)
    ids = torch.full((len(rows), length), pad)
    labels, mask = torch.full_like(ids, IGNORED), torch.zeros_like(ids)
    for index, row in enumerate(rows):
        made = row.row()
        end = len(made["input_ids"])
        ids[index, :end], labels[index, :end] = torch.tensor(made["input_ids"]), torch.tensor(made["labels"])
        mask[index, :end] = 1
    return Batch(ids.to(device), mask.to(device), labels.to(device))


def macro_f1(truth: Sequence[int], predicted: Sequence[int]) -> float:
    """Returns the unweighted mean of the F1 scores of all classes that occur, as scikit-learn defines it."""
    classes = sorted({*truth, *predicted})
    return sum(_f1(truth, predicted, item) for item in classes) / len(classes)


def _f1(truth: Sequence[int], predicted: Sequence[int], item: int) -> float:
    hits = sum(a == b == item for a, b in zip(truth, predicted, strict=True))
    return 2 * hits / (truth.count(item) + predicted.count(item)) if hits else 0.0


def _exp(value: float) -> float:
    return math.exp(value) if value < 700 else math.inf
