"""What is worth typing after a sweep: the report, the curves, and the winner for twice as long."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

from hydra.core.override_parser.overrides_parser import OverridesParser

from analysis.redaction import redacted
from sweeper.command import Command
from sweeper.composition import is_free
from sweeper.history import Trial
from sweeper.quoting import quoted
from sweeper.settings import Sweep

DEFAULT_URI = "sqlite:///mlflow.db"

_SEARCHES = ("name", "n_trials", "max_trials", "max_hours", "timeout_s", "seed", "storage", "dry_run", "noise", "fresh")

# What says how a sweep searches means nothing to one trial; its length is what the command is about.
_LEFT_OUT = (
    *(
        "sampler",
        "pruner",
        "search_space",
        "procedure",
        "training.stop_at",
        "training.max_steps",
        "training.num_train_epochs",
    ),
    *(f"sweep.{key}" for key in _SEARCHES),
)
_FLAGS = ("--config-dir", "-cd", "--config-name", "-cn")


def commands(asked: Command, winner: Trial | None, typed: Sequence[str] = ()) -> list[str]:
    """Returns the commands, ready for a shell.

    Args:
        asked: The sweep's command.
        winner: Its first place; None where nothing completed.
        typed: The command line: a folder of one's own is named again.
    """
    first = report(asked) if asked.settings.sweep.report else _words(asked, "leaderboard")
    found = [shlex.join(first), shlex.join(_words(asked, "diagnose")), _curves(asked)]
    if winner is not None and asked.settings.trainer.name != "replay":
        found.append(shlex.join(["lora-sweep", *_flags(typed), *_longer(asked, winner)]))
    return found


def report(asked: Command) -> list[str]:
    """Returns the command that writes a sweep's report."""
    sweep, usual = asked.settings.sweep, Sweep.dir
    output = [] if sweep.dir == usual else ["--output", str(Path(sweep.dir) / asked.name)]
    return [*_words(asked, "report"), *output]


def _words(asked: Command, command: str) -> list[str]:
    tracking = asked.settings.tracking
    usual = os.environ.get("MLFLOW_TRACKING_URI", DEFAULT_URI)
    uri = [] if tracking.uri == usual else ["--tracking-uri", redacted(tracking.uri)]
    experiment = [] if tracking.experiment == "lora-sweeper" else ["--experiment", tracking.experiment]
    return ["lora-report", command, asked.name, *uri, *experiment]


def _curves(asked: Command) -> str:
    uri = redacted(asked.settings.tracking.uri)
    if uri.startswith("http"):
        return shlex.join(["open", uri])
    return shlex.join(["mlflow", "ui", "--workers", "1", "--backend-store-uri", uri])


def _flags(typed: Sequence[str]) -> Iterator[str]:
    for index, word in enumerate(typed):
        if word in _FLAGS:
            yield from typed[index : index + 2]
        elif word.startswith(("--config-dir=", "--config-name=")):
            yield word


def _longer(asked: Command, winner: Trial) -> Iterator[str]:
    parsed = OverridesParser.create().parse_overrides(list(asked.space.fixed))
    for text, override in zip(asked.space.fixed, parsed, strict=True):
        if not _is_left_out(override.key_or_group):
            yield text
    for key, value in winner.params.items():
        if not _is_left_out(key):
            yield f"{'+' if is_free(key) else ''}{key}={quoted(value)}"
    training = winner.config["training"]
    if training["max_steps"] > 0:
        yield f"training.max_steps={2 * training['max_steps']}"
    else:
        yield f"training.num_train_epochs={2 * training['num_train_epochs']:g}"


def _is_left_out(key: str) -> bool:
    return any(key == name or key.startswith(f"{name}.") for name in _LEFT_OUT)
