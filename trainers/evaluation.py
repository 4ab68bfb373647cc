"""What a trial measures at a rung: the loss over the whole validation set, and how good its answers are."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch

from trainers import generation
from trainers.label_evaluation import labelled
from trainers.token_loss import token_totals
from trainers.tokens import TokenRows
from trainers.trial import Data

OF_TEST = "test_"


@dataclass(frozen=True)
class Measured:
    """What was measured of some rows, under the metrics' names; docs/metrics.md defines them.

    `counts` are the cells of the confusion matrix that hold rows: (true label, predicted one, rows), indexes into
    `labels`. Both are empty for rows without labels.
    """

    values: dict[str, float]
    labels: list[str] = field(default_factory=list)
    counts: list[tuple[int, int, int]] = field(default_factory=list)


def measured(
    model: Any, rows: TokenRows, tokenizer: Any, data: Data, batch_size: int, *, threshold: float | None = None
) -> Measured:
    """Measures a model on the validation rows.

    Args:
        model: A causal language model, with or without an adapter; it is left in the mode it was in.
        rows: Of which `validation` is measured.
        tokenizer: The model's.
        data: How many rows without labels are answered freely, and in how many tokens.
        batch_size: The most rows per forward pass.
        threshold: From which probability on a row counts as the minority's; None for the best on these very rows.

    Returns:
        `eval_loss` (nats per completion token), `perplexity` and `token_accuracy`; of labelled rows what
        `trainers.label_evaluation` measures, and of others with a prompt what `trainers.generation` does.
    """
    return measured_slots(model, rows, tokenizer, data, batch_size, slots=1, threshold=threshold)[0]


def measured_slots(
    model: Any,
    rows: TokenRows,
    tokenizer: Any,
    data: Data,
    batch_size: int,
    *,
    slots: int,
    threshold: float | None = None,
) -> list[Measured]:
    """Measures several models at once that share a forward pass: every batch is repeated for each of them.

    Args:
        model: A model whose first share of rows belongs to slot 0, and so on.
        rows: A trial's data.
        tokenizer: The model's.
        data: As in `measured`.
        batch_size: The most rows per slot and forward pass.
        slots: How many share the pass.
        threshold: As in `measured`.

    Returns:
        What `measured` returns, slot by slot.
    """
    mode = model.training
    model.eval()
    with torch.no_grad():
        if rows.answers:
            found = [
                Measured(slot.values(rows.labels, rows.minority, threshold), list(rows.labels), slot.counts.confusion)
                for slot in labelled(model, rows, tokenizer, batch_size, slots)
            ]
        else:
            found = _unlabelled(model, rows, tokenizer, data, batch_size, slots=slots)
    model.train(mode)
    return found


def _unlabelled(
    model: Any, rows: TokenRows, tokenizer: Any, data: Data, batch_size: int, *, slots: int
) -> list[Measured]:
    totals = token_totals(model, rows.validation, batch_size, tokenizer.pad_token_id, slots)
    asked = generation.questions(rows, data)
    answered = generation.generated(model, asked, tokenizer, data, batch_size, slots=slots) if asked else [{}] * slots
    return [Measured({**mine.values(), **more}) for mine, more in zip(totals, answered, strict=True)]


def as_test(values: dict[str, float]) -> dict[str, float]:
    """Returns what was measured of test rows under its names there: `eval_x` and `x` become `test_x`."""
    return {f"{OF_TEST}{name.removeprefix('eval_')}": value for name, value in values.items()}
