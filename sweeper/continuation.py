"""Whether a command goes on with a recorded sweep: what its trials have in common must still be the same."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis.redaction import without_logins
from sweeper import procedures
from sweeper.command import Command, corners
from sweeper.differences import ALPHA, CONTENT, LAW, TOLD, covers, differences, told
from sweeper.history import History
from sweeper.identity import identity
from sweeper.paths import SweepPaths
from trainers.trial import TrialConfig

Flat = dict[str, Any]

_FOLLOWED = {"lora.r", "lora.gain", "lora.use_rslora", "lora.alpha_law", "lora.alpha_r"}
"""What alpha follows from: where one of them is an axis, so is alpha."""

_UNKNOWN = object()


@dataclass(frozen=True)
class Common:
    """What all trials that a command asks for have in common, and the keys in which they can differ."""

    compared: Flat
    axes: list[str]


class IncomparableError(Exception):
    """A sweep of this name exists, and its trials cannot be compared with those asked for now."""

    def __init__(self, name: str, differences: Sequence[str], free: str, aside: str) -> None:
        super().__init__(name, differences)
        self._name, self._differences, self._free, self._aside = name, differences, free, aside

    def __str__(self) -> str:
        """Returns a line per difference, and the two ways on."""
        return "\n".join(
            [
                f"sweep {self._name} holds trials that cannot be compared with what is asked now; nothing was started:",
                *(f"  {item}" for item in self._differences),
                "Two ways on:",
                f"  sweep.name={self._free} begins a sweep of its own",
                f"  sweep.fresh=true puts the recorded one aside as {self._aside}, and begins anew",
            ]
        )


def common(asked: Command) -> Common:
    """Finds what all trials of a command have in common."""
    if asked.asked is None:
        points: list[Mapping[str, Any]] = list(corners(asked.space))
        axes = {axis.key for axis in asked.space.axes}
    else:
        points, axes = [asked.procedure.hold], _varied(asked.asked)  # type: ignore[union-attr]
    configs = [config for point in points if (config := asked.composer.trial(point)[0]) is not None]
    flats = [_flat(config) for config in configs]
    axes |= {key for flat in flats for key in {*flat, *flats[0]} if flat.get(key) != flats[0].get(key)}
    if axes & _FOLLOWED and configs[0].lora.gain is not None:
        axes.add(ALPHA)
    settings = asked.settings
    whole = {**flats[0], "trainer.name": settings.trainer.name, "replay.table": settings.replay.table}
    compared = {key: value for key, value in whole.items() if not covers(axes, key)}
    return Common(json.loads(json.dumps(compared)), sorted(axes))


def _varied(asked: procedures.Asked) -> set[str]:
    """Returns the keys that any stage varies or sets for itself."""
    stages, held = asked.procedure.stages.values(), asked.procedure.hold
    listed = {key for stage in stages for group in (stage.vary, stage.hold, *stage.cases) for key in group}
    points = [point for item in procedures.planned(asked) for point in item.points]
    return listed | {key for point in points for key, value in point.items() if held.get(key, _UNKNOWN) != value}


def _flat(config: TrialConfig) -> Flat:
    """Returns a trial's identity under dotted names, how its alpha follows, and the paths to tell its files by."""
    flat = _dotted(identity(config))
    flat |= {key: getattr(config.lora, key.partition(".")[2]) for key in LAW}
    return flat | {key: getattr(getattr(config, key.partition(".")[0]), key.partition(".")[2]) for key in TOLD}


def _dotted(values: Mapping[str, Mapping[str, Any]]) -> Flat:
    """Flattens groups, and the mappings in them that take any key."""
    flat = {f"{group}.{key}": value for group, mapping in values.items() for key, value in mapping.items()}
    inner = {
        f"{key}.{name}": item for key, value in flat.items() if isinstance(value, dict) for name, item in value.items()
    }
    return {key: value for key, value in flat.items() if not isinstance(value, dict)} | inner


def check(asked: Command, now: Common, records: Iterable[Mapping[str, Any]]) -> None:
    """Refuses to go on with trials that cannot be compared.

    Args:
        asked: The command.
        now: What its trials have in common.
        records: The event log of the sweep of that name; empty for a new one.

    Raises:
        IncomparableError: With every key in which the trials would differ, and no axis ever was.
    """
    known = list(records)
    opened = next((record for record in reversed(known) if record["event"] == "opened"), None)
    if opened is None or not any(record["event"] == "proposed" for record in known):
        return
    found = [*differences(opened.get("compared"), without_logins(now.compared), earlier_axes(known), now.axes)]
    found += _objective(opened, asked)
    if found:
        root = SweepPaths(Path(asked.settings.sweep.dir) / asked.name).root
        raise IncomparableError(asked.name, found, free_name(root, "-", 2), free_name(root, ".", 1))


def free_name(root: Path, mark: str, first: int) -> str:
    """Returns the first name behind a sweep's, numbered, that no folder beside it has."""
    number = first
    while root.with_name(f"{root.name}{mark}{number}").exists():
        number += 1
    return f"{root.name}{mark}{number}"


def earlier_axes(records: Sequence[Mapping[str, Any]]) -> set[str]:
    """Returns the keys that were axes before: those recorded, and those in which trials differ already."""
    axes = {key for record in records for key in record.get("axes", []) if record["event"] in {"opened", "session"}}
    flats = [_dotted(trial.config) for trial in History(records).contenders]
    first = flats[0] if flats else {}
    axes |= {key for flat in flats for key in {*flat, *first} if flat.get(key) != first.get(key)}
    contents = {name for name, (path, _) in CONTENT.items() if path in axes}
    return axes | contents | ({"data.content"} if "data.validation_path" in axes else set())


def _objective(opened: Mapping[str, Any], asked: Command) -> list[str]:
    """Tells another metric, or another direction of the same one."""
    sweep = asked.settings.sweep
    asked_for = {"metric": sweep.metric, "direction": sweep.resolved_direction}
    changed = [key for key, value in asked_for.items() if opened[key] != value][:1]
    return [told(f"sweep.{key}", opened[key], asked_for[key]) for key in changed]
