"""`sweep.yaml`: what a sweep was asked for, for people who look at its folder."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from analysis.redaction import redacted_values
from sweeper.command import Command
from sweeper.continuation import Common
from sweeper.plan import varied

_SECTIONS = {
    "command": "Run again, it continues.",
    "swept": "Parameters in which the trials differ.",
    "held": "What they all have in common: another value here needs another sweep. Content is a fingerprint of files.",
    "settings": "How the sweep is run: recorded with each trial, and no part of what it computes.",
}


def write(path: Path, asked: Command, common: Common, command: Sequence[str]) -> None:
    """Writes what a command asks for, without passwords; an earlier file gives way as a whole.

    Args:
        path: The file.
        asked: The command.
        common: What its trials have in common.
        command: The command line that continues the sweep.
    """
    values = {
        "command": shlex.join(command),
        "swept": {axis.key: varied(axis) for axis in asked.space.axes} or common.axes,
        "held": {key: value for key, value in common.compared.items() if value is not None},
        "settings": dataclasses.asdict(asked.settings),
    }
    head = f"# What sweep {asked.name} was asked for, the last time. What came of it is in events.jsonl.\n"
    fresh = path.with_suffix(".new")
    fresh.write_text(head + "".join(_section(key, value) for key, value in values.items()), encoding="utf-8")
    fresh.rename(path)


def _section(key: str, value: Any) -> str:
    plain = redacted_values(value)
    return f"\n# {_SECTIONS[key]}\n" + yaml.safe_dump({key: plain}, sort_keys=False, allow_unicode=True, width=4096)
