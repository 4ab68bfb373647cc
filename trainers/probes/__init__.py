"""What can be measured besides the curves, by name: `training.probes`.

A probe computes without gradients and draws no random numbers: with it and without it, the curves are the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from trainers.base_model import Base
from trainers.probes.bleed import Bleed
from trainers.probes.drift import Drift
from trainers.tokens import TokenRows
from trainers.trial import TrialConfig

Measure = Callable[[Any], dict[str, float]]
"""Takes a trial's model and returns values under their names."""


def at_rungs(config: TrialConfig, base: Base, rows: TokenRows) -> list[Measure]:
    """Returns what is measured at every rung.

    Args:
        config: The trial.
        base: Its base, before an adapter is attached: drift is measured from here.
        rows: Its data.
    """
    measures: list[Measure] = []
    if "bleed" in config.training.probes:
        measures.append(Bleed(rows.validation, base.tokenizer).measure)
    if "drift" in config.training.probes:
        measures.append(Drift(base.model, rows.validation, base.tokenizer.pad_token_id).measure)
    return measures
