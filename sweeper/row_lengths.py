"""Token lengths of a trial's rows, measured once per command."""

from __future__ import annotations

import dataclasses
import functools
from dataclasses import dataclass, field
from typing import Literal

from sweeper import files
from sweeper.lengths import Lengths, lengths_of
from trainers.trial import TrialConfig

Side = Literal["train", "validation"]


def row_lengths(config: TrialConfig, side: Side = "train") -> Lengths | None:
    """Returns the lengths of one side's rows, before augmentation; None where there are none."""
    training = config.training
    data = dataclasses.replace(config.data, augmentation="none")
    plain = dataclasses.replace(config, data=data)
    return _measured(_Key(repr((config.model, data, training.max_length, training.completion_only_loss)), side, plain))


@dataclass(frozen=True)
class _Key:
    """Lets a configuration with lists in it be remembered: what lengths depend on, as text."""

    text: str
    side: Side
    config: TrialConfig = field(compare=False)


@functools.cache
def _measured(key: _Key) -> Lengths | None:
    rows = files.rows_of(key.config.data)
    examples = [] if rows is None else getattr(rows, key.side)
    config = key.config
    if key.side == "validation":  # what is evaluated is the completions, whatever is trained on
        config = dataclasses.replace(config, training=dataclasses.replace(config.training, completion_only_loss=True))
    return lengths_of(config, examples) if examples else None
