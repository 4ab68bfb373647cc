"""The objective: token-weighted loss over the whole validation set, and for labelled data the labels' scores.

TRL's own `eval_loss` averages per-batch means, and so changes with the batch size, with packing, with label smoothing
and with the loss type (facts, section 1). This one does not: it is the sum of the completion tokens' negative
log-likelihoods divided by their number.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from trainers.completion import completion_logits
from trainers.label_scores import score
from trainers.minority import minority_scores
from trainers.tokens import IGNORED, Tokens

Answers = Sequence[Sequence[int]]


@dataclass
class Totals:
    """Sums over completion tokens: nats, tokens predicted right, tokens."""

    nats: float = 0.0
    hits: float = 0.0
    count: int = 0

    def add(self, nats: float, hits: float, count: int) -> None:
        """Takes more tokens into account."""
        self.nats, self.hits, self.count = self.nats + nats, self.hits + hits, self.count + count

    def values(self) -> dict[str, float]:
        """Returns `eval_loss` (nats per completion token), `perplexity` and `token_accuracy`."""
        loss = self.nats / self.count
        return {
            "eval_loss": loss,
            "perplexity": math.exp(loss) if loss < 700 else math.inf,  # exp overflows a float at 709.8
            "token_accuracy": self.hits / self.count,
        }


def evaluate(
    model: Any, rows: Sequence[Tokens], answers: Answers, batch_size: int, pad: int, *, minority: int | None = None
) -> dict[str, float]:
    """Measures a model on the validation rows.

    Args:
        model: A causal language model, with or without an adapter; it is left in the mode it was in.
        rows: The validation rows.
        answers: The labels' completions; empty for unlabelled data.
        batch_size: The most rows per forward pass.
        pad: The padding token's id.
        minority: The rarest label, which is measured besides; None for none.

    Returns:
        `eval_loss` (nats per completion token), `perplexity`, `token_accuracy`, and for labelled data `eval_accuracy`
        and `eval_macro_f1`: the predicted label is the one whose completion has the highest log-probability. With a
        minority, what `trainers.minority` measures: a row's score is the label's probability among all labels.
    """
    mode = model.training
    model.eval()
    with torch.no_grad():
        values = (
            _labelled(model, rows, answers, batch_size, pad, minority=minority)
            if answers
            else _plain(model, rows, batch_size, pad)
        )
    model.train(mode)
    return values


def _plain(model: Any, rows: Sequence[Tokens], batch_size: int, pad: int) -> dict[str, float]:
    totals = Totals()
    _add_tokens(totals, model, rows, batch_size, pad)
    return totals.values()


def _labelled(
    model: Any, rows: Sequence[Tokens], answers: Answers, batch_size: int, pad: int, *, minority: int | None
) -> dict[str, float]:
    """Takes the loss from the label scores: a whole completion is one of the answers, computed already."""
    totals, truth, predicted, shares = Totals(), [], [], []
    # A row whose completion max_length has cut is not one of the answers: its tokens are counted as they are.
    cut = [row for row in rows if row.completion != tuple(answers[row.label or 0])]
    whole = {id(row) for row in rows} - {id(row) for row in cut}
    _add_tokens(totals, model, cut, batch_size, pad)
    for batch, scores in score(model, rows, answers, batch_size):
        nats_of = scores.log_probabilities.sum(-1)  # (batch, answers)
        predicted += nats_of.argmax(-1).tolist()
        shares += nats_of.double().softmax(-1)[:, minority or 0].tolist()  # in float32 the surest rows would tie at 1
        for index, row in enumerate(batch):
            label = row.label or 0
            truth.append(label)
            if id(row) in whole:
                length = len(answers[label])
                nats = -scores.log_probabilities[index, label, :length].sum().item()
                totals.add(nats, scores.hits[index, label, :length].sum().item(), length)
    hits = sum(a == b for a, b in zip(truth, predicted, strict=True))
    rare = {} if minority is None else minority_scores([label == minority for label in truth], shares)
    return {**totals.values(), "eval_accuracy": hits / len(truth), "eval_macro_f1": macro_f1(truth, predicted), **rare}


def _add_tokens(totals: Totals, model: Any, rows: Sequence[Tokens], batch_size: int, pad: int) -> None:
    for start in range(0, len(rows), batch_size):
        ids, mask, labels = right_padded(rows[start : start + batch_size], pad, model.device)
        logits, targets = completion_logits(model, ids, mask, labels)
        nats = torch.nn.functional.cross_entropy(logits, targets, reduction="sum").item()
        totals.add(nats, (logits.argmax(-1) == targets).sum().item(), len(targets))


def right_padded(rows: Sequence[Tokens], pad: int, device: Any) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Returns input ids, attention mask and labels of some rows, each of shape (batch, sequence)."""
    length = max(len(row.prompt) + len(row.completion) for row in rows)
    ids = torch.full((len(rows), length), pad)
    labels, mask = torch.full_like(ids, IGNORED), torch.zeros_like(ids)
    for index, made in enumerate(row.row() for row in rows):
        end = len(made["input_ids"])
        ids[index, :end], labels[index, :end] = torch.tensor(made["input_ids"]), torch.tensor(made["labels"])
        mask[index, :end] = 1
    return ids.to(device), mask.to(device), labels.to(device)


def macro_f1(truth: Sequence[int], predicted: Sequence[int]) -> float:
    """Returns the unweighted mean of the F1 scores of all classes that occur, as scikit-learn defines it."""
    classes = sorted({*truth, *predicted})
    return sum(_f1(truth, predicted, item) for item in classes) / len(classes)


def _f1(truth: Sequence[int], predicted: Sequence[int], item: int) -> float:
    hits = sum(a == b == item for a, b in zip(truth, predicted, strict=True))
    return 2 * hits / (truth.count(item) + predicted.count(item)) if hits else 0.0
