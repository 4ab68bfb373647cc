"""What a session says of everything that runs in it, as it stands in the log."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from analysis.redaction import redacted
from sweeper.command import Command
from sweeper.decisions import Objective
from sweeper.hardware import computing

STACK = ("lora-sweeper", "torch", "transformers", "peft", "trl", "bitsandbytes", "optuna", "hydra-core", "mlflow")
"""The packages whose versions are recorded."""


def versions() -> dict[str, str]:
    """Returns the versions of what a curve may depend on."""
    return {"python": platform.python_version(), **{name: version(name) for name in STACK}}


def session_record(asked: Command, axes: Sequence[str], objective: Objective) -> dict[str, Any]:
    """Returns the record.

    Args:
        asked: The sweep's command.
        axes: The keys that are varied.
        objective: What is optimised.
    """
    from mlflow.tracking.context.registry import resolve_tags

    settings = asked.settings
    shared = {f"executor.{key}": value for key, value in vars(settings.executor).items()}
    return {
        "command": [redacted(item) for item in sys.argv],
        "folder": str(Path.cwd()),
        "host": platform.node(),
        "pid": os.getpid(),
        "versions": versions(),
        "hardware": computing(settings.executor),
        "noise": settings.sweep.noise,
        "sampler": asked.sampler,
        "pruner": asked.pruner,
        "context": {key: redacted(value) for key, value in resolve_tags().items()},
        "params": {**shared, "sweep.name": asked.name},
        "axes": list(axes),
        "diagnosis": settings.diagnosis.changed,
        "metric": objective.metric,
        "direction": objective.direction,
    }
