"""In what two commands' trials differ, key by key, in words."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, get_type_hints

from sweeper.composition import TRIAL_GROUPS
from trainers.trial import TrialConfig

ALPHA = "lora.alpha"
LAW = ("lora.gain", "lora.alpha_law", "lora.alpha_r")
"""How alpha follows rank: no part of a trial's identity, and yet in common where alpha itself is not."""

CONTENT = {"model.content": ("model.path", "files"), "data.content": ("data.path", "rows")}
"""What enters by content, the path that it is told by, and of what it is made."""

TOLD = ("model.path", "data.path", "data.validation_path")
"""Recorded for messages alone."""

_UNKNOWN = object()


def covers(axes: Collection[str], key: str) -> bool:
    """True for an axis, a key of a group that is one, and a key inside a mapping that is one."""
    return any(key == axis or key.startswith(f"{axis}.") for axis in axes)


def differences(
    old: Mapping[str, Any] | None, new: Mapping[str, Any], earlier: set[str], now: Collection[str]
) -> Iterator[str]:
    """Tells every key that is no axis and has another value.

    Args:
        old: What the trials had in common when the sweep began; None where the log does not say.
        new: What those have in common that are asked for now.
        earlier: The keys that were axes before.
        now: Those that are now.
    """
    if old is None:
        return
    axes = earlier | set(now)
    for key in dict.fromkeys([*new, *old]):
        before, after = old.get(key, _default(key)), new.get(key, _default(key))
        if covers(axes, key) or key in {*TOLD, *LAW} or _UNKNOWN in (before, after) or before == after:
            continue
        if key in CONTENT:
            yield from _other_content(key, old, new)
        elif key == "trainer.name":
            yield from [told(key, before, after)] if "replay" in (before, after) else []
        elif key == "replay.table":
            yield from [told(key, before, after)] if before and after and not _is_same_place(before, after) else []
        elif key == ALPHA:
            yield from _other_alpha(old, new)
        else:
            yield told(key, before, after)
    if covers(axes, ALPHA):
        typed = (old.get("lora.gain") is None and ALPHA in earlier) or (new.get("lora.gain") is None and ALPHA in now)
        yield from _other_law(old, new, axes, typed)


def _other_alpha(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    """Tells another alpha by the gain it follows from, where it does; what else it follows from is told itself."""
    before, after = old.get("lora.gain"), new.get("lora.gain")
    if before is None or after is None:
        yield told(ALPHA, old.get(ALPHA), new.get(ALPHA))
    elif before != after:
        yield told("lora.gain", before, after)
    else:
        yield from (told(key, old.get(key), new.get(key)) for key in LAW[1:] if old.get(key) != new.get(key))


def _other_law(old: Mapping[str, Any], new: Mapping[str, Any], axes: Collection[str], typed: bool) -> Iterator[str]:
    """Tells another way in which alpha follows what is varied; where alpha itself is `typed`, it need not follow."""
    law = "lora.alpha_law"
    follows = old.get(law, "gain") != "gain" or new.get(law, "gain") != "gain"
    for key in LAW if follows else LAW[:1]:
        before, after = old.get(key, _default(key)), new.get(key, _default(key))
        if before == after or covers(axes, key) or (typed and key == "lora.gain"):
            continue
        alphas = [f"{ALPHA}={_value(value[ALPHA])}" if ALPHA in value else None for value in (old, new)]
        sides = zip((before, after), alphas, strict=True)
        yield told(key, *(alpha if gain is None and alpha else gain for gain, alpha in sides))


def _other_content(key: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    """Tells other files by their paths, and by what they hold where the paths are the same."""
    paths = [CONTENT[key][0], *(["data.validation_path"] if key == "data.content" else [])]
    changed = [told(path, old.get(path), new.get(path)) for path in paths if old.get(path) != new.get(path)]
    if changed:
        yield from changed
        return
    named = " or ".join(str(new[path]) for path in paths if new.get(path))
    yield f"{paths[0]}: {named} has other {CONTENT[key][1]} than before"


def told(key: str, before: Any, after: Any) -> str:
    """Returns `key: old → new`."""
    return f"{key}: {_value(before)} → {_value(after)}"


def _value(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))  # a gain of 2 is typed so
    return value if isinstance(value, str) else json.dumps(value)


def _is_same_place(before: str, after: str) -> bool:
    return Path(before).resolve() == Path(after).resolve()


def _default(key: str) -> Any:
    """Returns what a key has that a record lacks: a later version added it, or nobody gave it."""
    group, _, name = key.partition(".")
    if ".kwargs." in key or "_kwargs." in key:
        return None
    if group not in TRIAL_GROUPS:
        return _UNKNOWN
    fields = {item.name: item for item in dataclasses.fields(get_type_hints(TrialConfig)[group])}
    if name not in fields:
        return _UNKNOWN
    item = fields[name]
    if callable(item.default_factory):
        return item.default_factory()
    return _UNKNOWN if item.default is dataclasses.MISSING else item.default
