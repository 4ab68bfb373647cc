"""Rows that count more than others, on their way through TRL: a column that holds what each token counts.

The loss is the weighted mean over the tokens of an update, the sum of w * nats divided by the sum of w, as
`torch.nn.CrossEntropyLoss(weight)` has it. Where all rows count the same there is no such column.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import datasets
import torch

from trainers.tokens import IGNORED, Tokens

WEIGHTS = "weights"
"""The column's name."""


def dataset(rows: Sequence[Tokens]) -> datasets.Dataset:
    """Returns rows as TRL takes them, with what each of their tokens counts if that is not always 1."""
    if all(row.weight == 1 for row in rows):
        return datasets.Dataset.from_list([row.row() for row in rows])
    lengths = [len(row.prompt) + len(row.completion) for row in rows]
    weighed = zip(rows, lengths, strict=True)
    return datasets.Dataset.from_list([{**row.row(), WEIGHTS: [float(row.weight)] * size} for row, size in weighed])


def counted(batches: Sequence[Mapping[str, torch.Tensor]]) -> torch.Tensor:
    """Returns the sum of the weights of all tokens that the losses of some batches count."""
    return torch.stack([batch[WEIGHTS][:, 1:][batch["labels"][:, 1:] != IGNORED].sum() for batch in batches]).sum()


class Collator:
    """Makes batches as another collator does, and lays the weights out as that one lays out labels."""

    def __init__(self, collate: Callable[[list[dict[str, Any]]], dict[str, Any]]) -> None:
        self._collate = collate

    def __call__(self, rows: list[dict[str, Any]]) -> dict[str, Any]:
        """Returns a batch: `weights`, where rows have them, of the shape of `labels`, 0 where a row is filled up."""
        if WEIGHTS not in rows[0]:
            return self._collate(rows)
        batch = self._collate([{key: value for key, value in row.items() if key != WEIGHTS} for row in rows])
        own = [torch.tensor(row[WEIGHTS]) for row in rows]
        labels = batch["labels"]
        batch[WEIGHTS] = torch.zeros(labels.shape)
        for line, values in zip(batch[WEIGHTS], [torch.cat(own)] if len(labels) < len(own) else own, strict=True):
            line[: len(values)] = values
        return batch
