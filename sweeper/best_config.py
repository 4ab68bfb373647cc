"""`best.yaml`: the winner as a configuration that `lora-sweep` runs unchanged."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from analysis.redaction import without_logins
from trainers.trial import TrialConfig


def write(
    path: Path, config: TrialConfig, name: str, objective: dict[str, Any], won: str, *, facts: Mapping[str, Any]
) -> None:
    """Writes a configuration with everything that decides what it computes.

    Args:
        path: The file, in the sweep's folder.
        config: The winner's.
        name: The sweep's: its run is called after it.
        objective: `metric` and `direction` of the sweep.
        won: What it won with, in words.
        facts: What is known of the winner's run: who computed it, in which shape.
    """
    command = shlex.join(["lora-sweep", "--config-dir", str(path.parent), "--config-name", path.stem])
    head = f"# The best of sweep {name}: {won}\n# {command}\n"
    values = {group: _plain(group, values) for group, values in dataclasses.asdict(config).items()}
    body = {
        "defaults": ["config", "_self_"],
        **values,
        **_trainer(facts),
        "sweep": {"name": f"{name}-best", **objective},
    }
    fresh = path.with_suffix(".new")
    fresh.write_text(head + OmegaConf.to_yaml(OmegaConf.create(without_logins(body))), encoding="utf-8")
    fresh.rename(path)


def _trainer(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what computes the same curve to the last bit: the trainer, and the shape of the pack there was."""
    if facts.get("trainer") == "sft":
        return {"trainer": {"name": "sft"}}
    if "pack.slots" not in facts:
        return {}
    return {"trainer": {"name": "auto", "capacity": facts["pack.slots"], "shared_prefix": facts["pack.prefix"] > 0}}


def _plain(group: str, values: dict[str, Any]) -> dict[str, Any]:
    """Leaves alpha to the gain it came from (one of the two is given), and makes paths hold in any folder."""
    if group == "lora" and values["gain"] is not None:
        return {**values, "alpha": None}
    places = {key: value for key, value in values.items() if key.endswith("path") and isinstance(value, str)}
    return {**values, **{key: str(Path(value).resolve()) for key, value in places.items() if Path(value).exists()}}
