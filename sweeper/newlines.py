r"""A line break as one types it: `\n` on a command line is the line break of a YAML file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def broken(data: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the group `data` with the line breaks of its template and prompts.

    Hydra leaves a backslash as it is, and shells rarely let one type a line break.
    """
    template, prompts = data.get("template"), data.get("validation_prompts")
    made = dict(data)
    if isinstance(template, str):
        made["template"] = _broken(template)
    if isinstance(prompts, list):
        made["validation_prompts"] = [_broken(item) if isinstance(item, str) else item for item in prompts]
    return made


def _broken(text: str) -> str:
    return text.replace("\\n", "\n")
