"""What a procedure's sweep knew of its data when it began, so that its continuation derives the same values.

Token lengths may be estimated at first and counted later, once the model's tokenizer is at hand.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from sweeper import event_log, run_length
from sweeper.facts import Facts
from sweeper.identity import data_content
from sweeper.lengths import Lengths
from trainers.trial import TrialConfig


def as_record(facts: Facts, config: TrialConfig) -> dict[str, Any]:
    """Returns the facts as they stand in the log, with the data they are about."""
    return {"facts": dataclasses.asdict(facts), "data": _data(config)}


def recorded(log: Path | None, config: TrialConfig) -> Facts | None:
    """Reads what a sweep knew when it began.

    Args:
        log: Its event log; None for a sweep that begins anew.
        config: The command's configuration: facts of other data do not count, and steps are counted anew.

    Returns:
        The facts, None where the sweep is new, or is about other data.
    """
    records = event_log.read(log) if log is not None else []
    opened = next((record for record in reversed(records) if record["event"] == "opened"), {})
    try:
        if "facts" not in opened or opened["data"] != _data(config):
            return None
    except OSError:  # the data are gone: the check of files says so
        return None
    known = opened["facts"]
    tokens = None if known["tokens"] is None else Lengths(**known["tokens"])
    labels = tuple((name, count) for name, count in known["labels"])
    facts = Facts(**{**known, "tokens": tokens, "labels": labels})
    return dataclasses.replace(facts, steps=run_length.steps(config, facts.rows, facts.mean_tokens))


def _data(config: TrialConfig) -> str:
    data = config.data
    return f"{data_content(config)} {data.split} {data.max_samples} {data.validation_fraction} {data.augmentation}"
