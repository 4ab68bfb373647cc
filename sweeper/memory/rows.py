"""The longest micro-batch of a trial."""

from __future__ import annotations

from dataclasses import dataclass

from trainers.trial import TrialConfig


@dataclass(frozen=True)
class Batch:
    """`rows` of `length` tokens, `predicted` of each in the loss.

    `has_mask` is True where attention needs one besides causality: rows padded to one length, or packed into one row.
    """

    rows: int
    length: int
    predicted: int
    has_mask: bool

    @property
    def tokens(self) -> int:
        """All of them, padding too."""
        return self.rows * self.length


def evaluated(config: TrialConfig, length: int, predicted: int | None, validation_rows: int | None) -> Batch:
    """Returns what an evaluation's forward pass gets at most: rows are not packed there.

    Args:
        config: The trial.
        length: Tokens of the longest row.
        predicted: Tokens behind a prompt, None for all.
        validation_rows: How many there are, None where that is not known.
    """
    asked = config.training.per_device_eval_batch_size
    rows = asked if validation_rows is None else min(asked, validation_rows)
    return Batch(rows, length, length if predicted is None else predicted, has_mask=rows > 1)


def batch_of(config: TrialConfig, length: int, predicted: int | None) -> Batch:
    """Returns what a forward pass gets.

    Args:
        config: Its micro-batch counts, accumulation does not; packed rows come as one, told apart by a mask (TRL).
        length: Tokens of the longest row, already cut at `training.max_length`.
        predicted: Tokens in a row's loss, None for all but the first.
    """
    rows = config.training.per_device_train_batch_size
    wanted = length if predicted is None else min(predicted, length)
    if config.training.packing:
        whole = rows * config.training.max_length
        return Batch(1, whole, whole if predicted is None else whole * wanted // max(1, length), has_mask=True)
    return Batch(rows, length, wanted, has_mask=rows > 1)
