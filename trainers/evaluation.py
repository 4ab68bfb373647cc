"""The objective: token-weighted loss over the whole validation set, and for labelled data the labels' scores.

TRL's own `eval_loss` averages per-batch means, and so changes with the batch size, with packing, with label smoothing
and with the loss type (facts, section 1). This one does not: it is the sum of the completion tokens' negative
log-likelihoods divided by their number.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from trainers.completion import completion_logits
from trainers.label_scores import Scores, score
from trainers.minority import at_threshold, minority_scores
from trainers.tokens import IGNORED, TokenRows, Tokens
from trainers.trial import Data

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
        and `eval_macro_f1`: the predicted label is the one whose completion has the highest log-probability;
        `eval_confidence`, the mean of its probability among all labels, and `eval_predicted_share`, the largest share
        of rows that are predicted as one and the same label. With a minority, what `trainers.minority` measures: a
        row's score is the label's probability among all labels.
    """
    asked = TokenRows([], list(rows), [tuple(answer) for answer in answers], minority)
    return evaluate_slots(model, asked, batch_size, pad, slots=1)[0]


def evaluate_slots(model: Any, rows: TokenRows, batch_size: int, pad: int, slots: int) -> list[dict[str, float]]:
    """Measures several models at once that share a forward pass: every batch is repeated for each of them.

    Args:
        model: A model whose first share of rows belongs to slot 0, and so on.
        rows: A trial's data.
        batch_size: The most rows per slot and forward pass.
        pad: The padding token's id.
        slots: How many share the pass.

    Returns:
        What `evaluate` returns, slot by slot.
    """
    mode = model.training
    model.eval()
    with torch.no_grad():
        found = (
            _labelled(model, rows, batch_size, pad, slots)
            if rows.answers
            else [totals.values() for totals in _tokens(model, rows.validation, batch_size, pad, slots)]
        )
    model.train(mode)
    return found


def _labelled(model: Any, rows: TokenRows, batch_size: int, pad: int, slots: int) -> list[dict[str, float]]:
    """Takes the loss from the label scores: a whole completion is one of the answers, computed already."""
    answers, minority = rows.answers, rows.minority
    # A row whose completion max_length has cut is not one of the answers: its tokens are counted as they are.
    cut = [row for row in rows.validation if row.completion != tuple(answers[row.label or 0])]
    whole = {id(row) for row in rows.validation} - {id(row) for row in cut}
    labels = [Labels(totals) for totals in _tokens(model, cut, batch_size, pad, slots)]
    for batch, scores in score(model, rows.validation, answers, batch_size, slots):
        truth = [row.label or 0 for row in batch]
        lengths = [len(answers[label]) if id(row) in whole else 0 for row, label in zip(batch, truth, strict=True)]
        for slot, mine in zip(labels, scores.by_slot(slots), strict=True):
            slot.add(truth, lengths, mine, minority or 0)
    return [slot.values(minority) for slot in labels]


@dataclass
class Labels:
    """What is known of a slot's labels: true and predicted ones, with their probabilities, and totals."""

    totals: Totals
    truth: list[int] = field(default_factory=list)
    predicted: list[int] = field(default_factory=list)
    shares: list[float] = field(default_factory=list)
    sure: list[float] = field(default_factory=list)

    def add(self, truth: Sequence[int], lengths: Sequence[int], scores: Scores, minority: int) -> None:
        """Takes a batch into account; `lengths` are the tokens of its completions, 0 where they are counted already."""
        nats_of = scores.log_probabilities.sum(-1)  # (batch, answers)
        self.truth += truth
        self.predicted += nats_of.argmax(-1).tolist()
        # In float32 the surest rows would tie at 1.
        probabilities = nats_of.double().softmax(-1)
        self.shares += probabilities[:, minority].tolist()
        self.sure += probabilities.amax(-1).tolist()
        at = torch.arange(len(truth)), torch.tensor(truth)
        own = zip(nats_of[at].tolist(), scores.hits.sum(-1)[at].tolist(), lengths, strict=True)
        for nats, hits, length in own:
            if length:
                self.totals.add(-nats, hits, length)

    def values(self, minority: int | None) -> dict[str, float]:
        """Returns all that `evaluate` returns for labelled data."""
        hits = sum(a == b for a, b in zip(self.truth, self.predicted, strict=True))
        known = {
            "eval_accuracy": hits / len(self.truth),
            "eval_macro_f1": macro_f1(self.truth, self.predicted),
            "eval_confidence": math.fsum(self.sure) / len(self.sure),
            "eval_predicted_share": max(Counter(self.predicted).values()) / len(self.predicted),
        }
        is_rare = [label == minority for label in self.truth]
        rare = {} if minority is None else minority_scores(is_rare, self.shares)
        return {**self.totals.values(), **known, **rare}


def _tokens(model: Any, rows: Sequence[Tokens], batch_size: int, pad: int, slots: int) -> list[Totals]:
    totals = [Totals() for _ in range(slots)]
    for start in range(0, len(rows), batch_size):
        inputs = right_padded(rows[start : start + batch_size], pad, model.device)
        logits, targets = completion_logits(model, *(item.repeat(slots, 1) for item in inputs))
        nats = torch.nn.functional.cross_entropy(logits, targets, reduction="none").view(slots, -1).sum(1)
        hits = (logits.argmax(-1) == targets).view(slots, -1).sum(1)
        for slot, (loss, right) in enumerate(zip(nats.tolist(), hits.tolist(), strict=True)):
            totals[slot].add(loss, right, len(targets) // slots)
    return totals


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


@dataclass(frozen=True)
class Measured:
    """What was measured, and of labelled rows the sparse confusion matrix: (true label, predicted one, rows)."""

    values: dict[str, float]
    labels: list[str] = field(default_factory=list)
    counts: list[tuple[int, int, int]] = field(default_factory=list)


def measured(
    model: Any, rows: TokenRows, tokenizer: Any, data: Data, batch_size: int, threshold: float | None = None
) -> Measured:
    """Measures `rows.validation`; with a threshold, the minority is measured at that one."""
    kept: list[Labels] = []
    values = _evaluated(model, rows, batch_size, tokenizer.pad_token_id, kept)
    if not kept:
        return Measured(values)
    (known,) = kept
    if threshold is not None and rows.minority is not None:
        values |= at_threshold([label == rows.minority for label in known.truth], known.shares, threshold)
    counts = sorted(Counter(zip(known.truth, known.predicted, strict=True)).items())
    return Measured(values, list(rows.labels), [(*pair, count) for pair, count in counts])


def _evaluated(model: Any, rows: TokenRows, batch_size: int, pad: int, kept: list[Labels]) -> dict[str, float]:
    original = Labels.values

    def keeping(self: Labels, minority: int | None) -> dict[str, float]:
        kept.append(self)
        return original(self, minority)

    Labels.values = keeping  # type: ignore[method-assign]
    try:
        return evaluate_slots(model, rows, batch_size, pad, 1)[0]
    finally:
        Labels.values = original  # type: ignore[method-assign]


def as_test(values: Mapping[str, float]) -> dict[str, float]:
    """Returns measurements under the names they have on test rows."""
    return {f"test_{name.removeprefix('eval_')}": value for name, value in values.items()}
