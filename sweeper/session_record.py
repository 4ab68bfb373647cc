"""What a session says of everything that runs in it, as it stands in the log."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

from analysis.redaction import redacted
from sweeper.decisions import Objective
from sweeper.settings import Settings

STACK = ("torch", "transformers", "peft", "trl", "bitsandbytes", "optuna", "hydra-core", "mlflow")
"""The packages whose versions are recorded."""


def versions() -> dict[str, str]:
    """Returns the versions of what a curve may depend on."""
    return {name: version(name) for name in STACK}


def session_record(settings: Settings, sweep: str, axes: Sequence[str], objective: Objective) -> dict[str, Any]:
    """Returns the record.

    Args:
        settings: How the sweep is run.
        sweep: Its name.
        axes: The keys that are varied.
        objective: What is optimised.
    """
    from mlflow.tracking.context.registry import resolve_tags

    shared = {f"executor.{key}": value for key, value in vars(settings.executor).items()}
    return {
        "command": [redacted(item) for item in sys.argv],
        "host": platform.node(),
        "pid": os.getpid(),
        "versions": versions(),
        "context": {key: redacted(value) for key, value in resolve_tags().items()},
        "params": {**shared, "sweep.name": sweep},
        "axes": list(axes),
        "diagnosis": settings.diagnosis.changed,
        "metric": objective.metric,
        "direction": objective.direction,
    }
