"""Measures labelled rows: the labels' scores, what follows from them, and the model's free answers."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from trainers.free_labels import FreeLabels
from trainers.label_metrics import LabelCounts, Prediction, calibration_error
from trainers.label_names import class_metrics
from trainers.label_scores import Scores, score
from trainers.minority import at_threshold, minority_scores
from trainers.token_loss import Totals, token_totals
from trainers.tokens import TokenRows, Tokens


@dataclass
class Labelled:
    """What is known of a slot's rows, in the order they were scored in.

    Attributes:
        totals: Of the completions' tokens.
        truth: True labels.
        predicted: The most probable ones.
        answered: The free answers' labels, None for those outside.
        sure: The predicted label's probability among the labels.
        shares: The minority's probability among the labels.
        outside: The probability of everything that is no label.
    """

    totals: Totals
    truth: list[int] = field(default_factory=list)
    predicted: list[int] = field(default_factory=list)
    answered: list[Prediction] = field(default_factory=list)
    sure: list[float] = field(default_factory=list)
    shares: list[float] = field(default_factory=list)
    outside: list[float] = field(default_factory=list)

    def add(self, truth: Sequence[int], lengths: Sequence[int], scores: Scores, minority: int) -> None:
        """Takes a batch into account; `lengths` are the tokens of its completions, 0 where they are counted already."""
        nats_of = scores.log_probabilities.sum(-1)  # (batch, answers)
        self.truth += truth
        self.predicted += nats_of.argmax(-1).tolist()
        # In float32 the surest rows would tie at 1.
        probabilities = nats_of.double().softmax(-1)
        self.shares += probabilities[:, minority].tolist()
        self.sure += probabilities.amax(-1).tolist()
        self.outside += (1 - nats_of.double().exp().sum(-1)).clamp_min(0).tolist()
        at = torch.arange(len(truth)), torch.tensor(truth)
        own = zip(nats_of[at].tolist(), scores.hits.sum(-1)[at].tolist(), lengths, strict=True)
        for nats, hits, length in own:
            if length:
                self.totals.add(-nats, hits, length)

    @property
    def counts(self) -> LabelCounts:
        """How many rows have each pair of true and most probable label."""
        return LabelCounts.of(self.truth, self.predicted)

    def values(self, labels: Sequence[str], minority: int | None, threshold: float | None) -> dict[str, float]:
        """Returns all that is measured of labelled rows."""
        return {
            **self.totals.values(),
            **self._predicted(),
            **self._answered(),
            **_of_classes(self.counts, labels),
            **self._rare(minority, threshold),
        }

    def _predicted(self) -> dict[str, float]:
        counts, rows = self.counts, len(self.truth)
        right = [true == found for true, found in zip(self.truth, self.predicted, strict=True)]
        return {
            "eval_accuracy": counts.accuracy,
            "eval_macro_f1": counts.macro_f1,
            "eval_weighted_f1": counts.weighted_f1,
            "eval_ece": calibration_error(self.sure, right),
            "eval_confidence": math.fsum(self.sure) / rows,
            "eval_predicted_share": max(Counter(self.predicted).values()) / rows,
        }

    def _answered(self) -> dict[str, float]:
        counts, rows = LabelCounts.of(self.truth, self.answered), len(self.truth)
        return {
            "eval_generated_accuracy": counts.accuracy,
            "eval_generated_macro_f1": counts.macro_f1,
            "eval_outside_rate": self.answered.count(None) / rows,
            "eval_outside_probability": math.fsum(self.outside) / rows,
        }

    def _rare(self, minority: int | None, threshold: float | None) -> dict[str, float]:
        if minority is None:
            return {}
        is_rare = [label == minority for label in self.truth]
        if threshold is None:
            return minority_scores(is_rare, self.shares)
        return at_threshold(is_rare, self.shares, threshold)


def _of_classes(counts: LabelCounts, labels: Sequence[str]) -> dict[str, float]:
    names, found = class_metrics(labels), counts.of_classes(range(len(labels)))
    values = (value for scores in found for value in (scores.precision, scores.recall, scores.f1))
    return dict(zip(names, values, strict=True)) if names else {}


def labelled(model: Any, rows: TokenRows, tokenizer: Any, batch_size: int, slots: int) -> list[Labelled]:
    """Scores and answers the validation rows.

    The loss comes from the labels' scores: a whole completion is one of the answers, computed already.

    Args:
        model: A causal language model in evaluation mode; call this without gradients. Its first share of rows belongs
            to slot 0, and so on.
        rows: A trial's data.
        tokenizer: The model's.
        batch_size: The most rows per slot and forward pass.
        slots: How many models share the pass.

    Returns:
        What is known of the rows, slot by slot.
    """
    # A row whose completion max_length has cut is not one of the answers: its tokens are counted as they are.
    cut = [row for row in rows.validation if not _is_whole(row, rows)]
    found = [Labelled(totals) for totals in token_totals(model, cut, batch_size, tokenizer.pad_token_id, slots)]
    free, waiting = FreeLabels.of(rows, tokenizer), [_Waiting() for _ in range(slots)]
    for batch, scores in score(model, rows.validation, rows.answers, batch_size, slots):
        truth = [row.label or 0 for row in batch]
        lengths = [len(row.completion) if _is_whole(row, rows) else 0 for row in batch]
        for mine, open_rows, own in zip(found, waiting, scores.by_slot(slots), strict=True):
            open_rows.add(len(mine.truth), batch, free.known(own), mine.answered)
            mine.add(truth, lengths, own, rows.minority or 0)
    decoded = free.decoded(model, [open_rows.prompts for open_rows in waiting], batch_size)
    for mine, open_rows, answers in zip(found, waiting, decoded, strict=True):
        for place, answer in zip(open_rows.places, answers, strict=True):
            mine.answered[place] = answer
    return found


def _is_whole(row: Tokens, rows: TokenRows) -> bool:
    return row.completion == tuple(rows.answers[row.label or 0])


@dataclass
class _Waiting:
    """The rows of a slot whose answers have to be decoded: their places and prompts."""

    places: list[int] = field(default_factory=list)
    prompts: list[tuple[int, ...]] = field(default_factory=list)

    def add(
        self, begin: int, batch: Sequence[Tokens], known: Sequence[tuple[bool, int | None]], answered: list[Prediction]
    ) -> None:
        """Puts down what is known, and who waits."""
        for place, (row, (is_known, label)) in enumerate(zip(batch, known, strict=True), start=begin):
            answered.append(label)
            if not is_known:
                self.places.append(place)
                self.prompts.append(row.prompt)
