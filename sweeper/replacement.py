"""A path given alone replaces what was built in, entirely: nobody's own rows are put into the emotion template."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

# What belongs to the path that a group's file names, and means nothing for another one.
_BELONGS = {
    "data": ("validation_path", "test_path", "subset", "revision", "labels", "template", "instruction"),
    "model": ("revision",),
}


def resolve(group: str, values: Mapping[str, Any], explicit: Collection[str]) -> dict[str, Any]:
    """Clears what belonged to another path.

    Args:
        group: `data` or `model`.
        values: The composed group.
        explicit: The dotted keys that the command itself sets; those keep what they were set to.

    Returns:
        The group; where its path was given, the name follows from the path unless it was given, too.
    """
    if f"{group}.path" not in explicit:
        return dict(values)
    cleared = {key: None for key in _BELONGS[group] if f"{group}.{key}" not in explicit}
    path = Path(str(values["path"]))
    named = {} if f"{group}.name" in explicit else {"name": (path.stem if group == "data" else path.name) or group}
    return {**values, **cleared, **named}
