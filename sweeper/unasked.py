"""Prompts to read that no trial was asked: answering is no reason to train again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sweeper.command import Command


def unasked(asked: Command, records: Iterable[Mapping[str, Any]]) -> str:
    """Names the command's prompts that its sweep has not answered; empty where there are none.

    Args:
        asked: The command.
        records: The event log.
    """
    config = asked.composer.trial(asked.example)[0]
    answered = {prompt for record in records if record["event"] == "sampled" for prompt, _ in record["samples"]}
    new = [] if config is None else [item for item in config.data.validation_prompts if item not in answered]
    return f" No trial was asked {', '.join(map(repr, new))}; sweep.fresh=true trains all again." if new else ""
