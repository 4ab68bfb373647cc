"""Where a sweep's numbers come from, as its sessions tell: what was typed, with which versions, on what."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from analysis.records import COMMAND, FOLDER, HARDWARE, NOISE, PRUNER, SAMPLER, VERSIONS
from analysis.redaction import redacted
from sweeper.mlflow_limits import LONGEST_TAG

_THEN = ", then "
_MOST_OTHERS = 8  # kinds of hardware told besides the first: a tag has an end


@dataclass
class Provenance:
    """What the sessions that trained something said, in their order; those of old logs say less."""

    sessions: list[Mapping[str, Any]] = field(default_factory=list)
    versions: Mapping[str, str] = field(default_factory=dict)
    """Those of a log's beginning, for sessions that do not say theirs."""

    @property
    def tags(self) -> dict[str, str]:
        """The tags of the sweep's own run.

        The first session's command and folder count, the latest's noise; versions, samplers and pruners that changed on
        the way are told one after the other, and other hardware under `others`.
        """
        if not self.sessions:
            return {}
        first, latest = self.sessions[0], self.sessions[-1]
        plain = {COMMAND: _command(first.get("command", [])), FOLDER: redacted(first.get("folder", ""))}
        plain |= {key: _one_after_the_other(self._of(key)) for key in (SAMPLER, PRUNER)}
        plain |= {NOISE: str(latest["noise"])} if "noise" in latest else {}
        plain |= {VERSIONS: self._versions, HARDWARE: self._hardware}
        return {key: value for key, value in plain.items() if value and len(value) <= LONGEST_TAG}

    def _of(self, key: str) -> list[Any]:
        return [session[key] for session in self.sessions if session.get(key)]

    @property
    def _versions(self) -> str:
        said = self._of("versions") or [self.versions]
        names = dict.fromkeys(name for versions in said for name in versions)
        found = {name: _one_after_the_other([item[name] for item in said if name in item]) for name in names}
        return json.dumps(found) if found else ""

    @property
    def _hardware(self) -> str:
        """Returns the first session's hardware, how many sessions there were, and what else they ran on."""
        said = self._of("hardware")
        if not said:
            return ""
        others = [item for index, item in enumerate(said) if item not in said[:index]][1:]
        told = {"others": others[:_MOST_OTHERS]} if others else {}
        return json.dumps({**said[0], "sessions": len(self.sessions), **told})


def _one_after_the_other(values: Sequence[str]) -> str:
    return _THEN.join(dict.fromkeys(values))


def _command(typed: Sequence[str]) -> str:
    """Returns a command line as somebody would type it: by the program's name, wherever it lies."""
    if not typed:
        return ""
    name = Path(typed[0]).name
    program = ["python", "-m", "sweeper"] if name == "__main__.py" else [name]
    return redacted(shlex.join([*program, *typed[1:]]))
