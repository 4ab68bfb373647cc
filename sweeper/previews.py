"""Three training rows as they are trained on, for a person to look at before anything is."""

from __future__ import annotations

import contextlib
import dataclasses
from typing import Any

from sweeper import files
from sweeper.command import Command
from sweeper.own_tokenizer import own_tokenizer
from trainers.seam import TrialFailed
from trainers.trial import TrialConfig


def previews_of(asked: Command) -> list[dict[str, Any]]:
    """Returns the previews of a command's first trial; none of a replayed sweep, which trains nothing."""
    config = asked.composer.trial(asked.example)[0]
    return [] if config is None or asked.settings.trainer.name == "replay" else previews(config)


def previews(config: TrialConfig) -> list[dict[str, Any]]:
    """Returns the first, the middle and the last training row of a trial, as `trainers.preview.Preview` has them.

    Rendered by the model's own tokenizer and the code that trains; where that is not on this machine, or the chat
    template refuses a row, split into prompt and completion alone.
    """
    from trainers import preview

    rows = files.rows_of(config.data)
    examples = [] if rows is None else rows.train
    tokenizer, training = own_tokenizer(config.model), config.training
    made = []
    for at in preview.chosen(len(examples)):
        shown = preview.without_tokens(at + 1, examples[at], training.completion_only_loss)
        if tokenizer is not None:
            with contextlib.suppress(TrialFailed):  # which the check of conversations says
                how = tokenizer, training.max_length, training.completion_only_loss
                shown = preview.preview(at + 1, examples[at], *how)
        made.append(dataclasses.asdict(shown))
    return made
