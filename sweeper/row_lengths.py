"""Token lengths of a trial's rows, measured once per command."""

from __future__ import annotations

import dataclasses
import functools
from typing import Literal

from sweeper import files
from sweeper.by_text import ByText
from sweeper.lengths import Lengths, lengths_of
from trainers.trial import TrialConfig

Side = Literal["train", "validation"]


def row_lengths(config: TrialConfig, side: Side = "train") -> Lengths | None:
    """Returns the lengths of one side's rows, before augmentation; None where there are none."""
    training = config.training
    data = dataclasses.replace(config.data, augmentation="none")
    plain = dataclasses.replace(config, data=data)
    depends = repr((config.model, data, training.max_length, training.completion_only_loss))
    return _measured(ByText(depends, plain), side)


@functools.cache
def _measured(key: ByText[TrialConfig], side: Side) -> Lengths | None:
    config = key.value
    rows = files.rows_of(config.data)
    examples = [] if rows is None else getattr(rows, side)
    if side == "validation":  # what is evaluated is the completions, whatever is trained on
        config = dataclasses.replace(config, training=dataclasses.replace(config.training, completion_only_loss=True))
    return lengths_of(config, examples) if examples else None
