"""`best.yaml`: the winner as a configuration that `lora-sweep` runs unchanged."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from analysis import best_yaml
from analysis.redaction import without_logins
from trainers.trial import TrialConfig, flatten


def write(
    path: Path,
    config: TrialConfig,
    name: str,
    objective: Mapping[str, str],
    won: str,
    *,
    facts: Mapping[str, Any],
    tested: str = "",
) -> None:
    """Writes a configuration with everything that decides what it computes.

    Args:
        path: The file, in the sweep's folder.
        config: The winner's.
        name: The sweep's: its run is called after it.
        objective: `metric` and `direction` of the sweep.
        won: What it won with, in words.
        facts: What is known of the winner's run: who computed it, in which shape.
        tested: What it showed on test rows, in a line; empty where nobody looked.
    """
    command = shlex.join(["lora-sweep", "--config-dir", str(path.parent), "--config-name", path.stem])
    params = flatten(config)
    groups = {group: _anywhere(values) for group, values in best_yaml.nested(params).items()}
    computed = {"trainer.name": facts.get("trainer"), **facts}
    body = without_logins({**groups, **best_yaml.trainer_of(computed)})
    head = "\n".join(filter(None, [f"The best of sweep {name}: {won}", tested, command]))
    fresh = path.with_suffix(".new")
    fresh.write_text(best_yaml.text(body, name, objective, head), encoding="utf-8")
    fresh.rename(path)


def _anywhere(values: Mapping[str, Any]) -> dict[str, Any]:
    """Makes paths hold in any folder."""
    places = {key: value for key, value in values.items() if key.endswith("path") and isinstance(value, str)}
    return {**values, **{key: str(Path(value).resolve()) for key, value in places.items() if Path(value).exists()}}
